"""Word2Vec beside gensim and PyTorch, and CharRNN's steps beside PyTorch, in the same run, one thread each, float32.

    python benchmarks/text_models.py [--quick]

Word2Vec reads WikiText-2 (`tg.datasets.wikitext2`) five times with gensim's defaults; "PyTorch" is the same objective
on the same batches in eager mode, with sparse gradients and Adagrad. Fits take turns, and each figure is the best of
some, in seconds of the processor: machines are shared and noisy, so look at the ratio.
"""

import calendar
import sys
import time
import warnings

from peer import Table, np, torch

import tinygrad_ml as tg
from tinygrad_ml.models import CharRNN, Word2Vec
from tinygrad_ml.random import seeded

try:
    import gensim
except ImportError:
    gensim = None


def sentences():
    """Return the sentences of two parts of WikiText-2, without words that are not known."""
    try:
        text = "\n".join(tg.datasets.wikitext2(part) for part in ("valid", "test"))
    except (FileNotFoundError, ImportError) as error:
        sys.exit(str(error))
    lines = ([word for word in line.lower().split() if word != "<unk>"] for line in text.splitlines())
    return [line for line in lines if line]


def fit_ours(text, architecture, passes):
    return Word2Vec(architecture=architecture, max_iter=passes, random_state=0).fit(text)


def fit_gensim(text, architecture, passes):
    return gensim.models.Word2Vec(text, sg=int(architecture == "skip-gram"), epochs=passes, workers=1, seed=0)


def fit_torch(text, architecture, passes):
    """Fit as ours does, in PyTorch."""
    model = Word2Vec(architecture=architecture)
    batches, n, functional = model.read(text), len(model.vocabulary_), torch.nn.functional
    embedding, context = (torch.nn.Embedding(n, model.vector_size, sparse=True) for _ in range(2))
    torch.nn.init.uniform_(embedding.weight, -0.5 / model.vector_size, 0.5 / model.vector_size)
    torch.nn.init.zeros_(context.weight)
    optimizer = torch.optim.Adagrad([embedding.weight, context.weight], lr=0.1)
    with seeded(0):
        for _ in range(passes):
            for words, candidates, near in batches:
                near = torch.from_numpy(near).float()
                scores = embedding(torch.from_numpy(words)) @ context(torch.from_numpy(candidates)).mT
                drawn = scores.shape[2] - scores.shape[1]
                pairs = near.sum(2, keepdim=True)
                if architecture == "cbow":
                    scores = (near / pairs.clamp(min=1)) @ scores
                    pairs = pairs.clamp(max=1)
                    near = pairs * torch.eye(near.shape[1])
                against = (pairs * (model.negative / drawn)).expand(*near.shape[:2], drawn)
                sign = torch.where(torch.arange(scores.shape[2]) < near.shape[1], -1.0, 1.0)
                losses = functional.softplus(scores * sign) * torch.cat([near, against], 2)
                optimizer.zero_grad()
                (losses.sum() / pairs.sum().clamp(min=1)).backward()
                optimizer.step()
    return embedding


def months(vectors, index):
    """Return the share of months among the eleven words nearest to each month."""
    names = [name.lower() for name in calendar.month_name if name not in ("", "May")]  # which is more often a verb
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = {index[name] for name in names}
    found = [len(rows & set(np.argsort(-unit @ unit[row])[1:11].tolist())) / 10 for row in rows]
    return np.mean(found)


def word2vec(quick):
    text, passes = sentences(), 1 if quick else 5
    print(f"Word2Vec: {sum(map(len, text)):,} words, {passes} passes, 100 numbers each; seconds of the processor")
    fits = {"tinygrad_ml": fit_ours, "gensim": fit_gensim, "PyTorch": fit_torch}
    if gensim is None:
        print("(beside gensim: pip install gensim)")
        del fits["gensim"]
    for architecture in ("skip-gram", "cbow"):
        best, models = dict.fromkeys(fits, np.inf), {}
        for _ in range(2 if quick else 4):
            for name, fit in fits.items():
                start = time.process_time()
                models[name] = fit(text, architecture, passes)
                best[name] = min(best[name], time.process_time() - start)
        ours = models["tinygrad_ml"]
        line = ", ".join(f"{name} {s:.2f} s (ratio {best['tinygrad_ml'] / s:.2f})" for name, s in best.items())
        print(f"{architecture}: {line}")
        near = [f"tinygrad_ml {months(ours.vectors_, ours.index_):.0%}"]
        if gensim is not None:
            peer = models["gensim"].wv
            near.append(f"gensim {months(peer.vectors, peer.key_to_index):.0%}")
        print(f"  months among the ten words nearest to months: {', '.join(near)}", flush=True)


def char_rnn_step(cell, x, y, library, compiled=False):
    """Return a step of training, in our library or in PyTorch."""
    if library is tg:
        model = CharRNN(cell).build(65)
        optimizer, loss, forward = tg.optim.Adam(model.parameters(), lr=0.003), model.criterion, model
    else:
        names = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
        table, recurrent, output = (
            torch.nn.Embedding(66, 32),
            names[cell](32, 128, batch_first=True),
            torch.nn.Linear(128, 65),
        )
        layers = torch.nn.ModuleList([table, recurrent, output])
        optimizer, x, y = torch.optim.Adam(layers.parameters(), lr=0.003), torch.tensor(x), torch.tensor(y)

        def forward(x):
            return output(recurrent(table(x))[0])

        def loss(logits, target):
            return torch.nn.functional.cross_entropy(logits.reshape(-1, 65), target.reshape(-1))

    def step(x, y):
        optimizer.zero_grad()
        value = loss(forward(x), y)
        value.backward()
        optimizer.step()
        return value

    run = tg.compile(step) if compiled else step
    return lambda: run(x, y)


def main():
    warnings.filterwarnings("ignore", "Sparse invariant checks")  # of PyTorch
    table = Table(__doc__, "milliseconds", 64)
    random = np.random.default_rng(0)
    x, y = random.integers(66, size=(32, 64)), random.integers(65, size=(32, 64))
    for cell in ("rnn", "gru", "lstm"):
        for compiled in (False, True):
            table.compare(
                f"CharRNN({cell!r}): a {'compiled ' * compiled}step on 32 pieces of 64 characters",
                char_rnn_step(cell, x, y, tg, compiled),
                char_rnn_step(cell, x, y, torch),
                bar=1.0,
            )
    print()
    word2vec(table.quick)


if __name__ == "__main__":
    main()
