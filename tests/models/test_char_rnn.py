"""CharRNN: what it reads, what it learns, and what it writes."""

import pickle
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import CharRNN
from tinygrad_ml.models.char_rnn import UNKNOWN
from tinygrad_ml.models.estimator import clone
from tinygrad_ml.random import seeded
from tinygrad_ml.testing import gradcheck

TEXT = "the cat sat on the mat; the dog ate the hat. " * 8
SMALL = {"hidden_size": 24, "sequence_length": 32, "random_state": 0}
CELLS = ["lstm", "gru", "rnn"]


@pytest.fixture(scope="module", params=CELLS)
def model(request):
    return CharRNN(request.param, **SMALL, max_iter=40, learning_rate=0.01).fit(TEXT)


# ---------------------------------------------------------------------- the network


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_is_right(cell):
    tg.manual_seed(0)
    model = CharRNN(cell, 3, num_layers=2, embedding_dim=2).build(4).double()
    x, y = np.array([[0, 1, 2], [4, 3, 1]]), np.array([[0, 1, 2], [2, 0, UNKNOWN]])
    assert gradcheck(lambda: model.criterion(model(x), y), params=model)


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_is_that_of_pytorch(cell, torch):
    model = CharRNN(cell, 5, num_layers=2, embedding_dim=3).build(4).double()
    names = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
    embedding, recurrent = torch.nn.Embedding(5, 3), names[cell](3, 5, 2, batch_first=True)
    peer = torch.nn.ModuleDict({"embedding_": embedding, "recurrent_": recurrent, "output_": torch.nn.Linear(5, 4)})
    peer.double().load_state_dict({name: torch.tensor(value) for name, value in model.state_dict().items()})
    x, y = np.array([[0, 1, 2, 3], [0, 4, 4, 1]]), np.array([[0, 1, 2, 3], [3, 3, 0, UNKNOWN]])
    logits = peer["output_"](recurrent(embedding(torch.tensor(x)))[0])
    expected = torch.nn.functional.cross_entropy(logits.reshape(-1, 4), torch.tensor(y).reshape(-1))
    assert model.criterion(model(x), y).item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_text_may_be_read_in_parts(model):
    x = model.encode(TEXT[:50])
    whole = model(x).numpy()
    first, state = model.step(x[:, :20])
    second, _ = model.step(x[:, 20:], state)
    np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()], axis=1), whole, atol=1e-5)


def test_it_is_drawn(model):
    assert "embedding" in str(tg.draw(model, model.encode("cat")))


# ---------------------------------------------------------------------- what it reads


@pytest.mark.parametrize("length", [1, 5, 63, 64, 65, 200, 10_000])
def test_pieces_are_parts_of_the_text_cut_anew_in_each_pass(length):
    text = "".join(chr(33 + (k * k + k // 7) % 90) for k in range(length))
    model = CharRNN(sequence_length=64)
    source = model.read(text)
    passes = []
    with seeded(0):
        for _ in range(5):
            batches = list(source)
            assert len(batches) == len(source)
            for x, y in batches:
                assert x.shape == y.shape
                assert (x[:, 0] == 0).all()
                np.testing.assert_array_equal(x[:, 1:], y[:, :-1] + 1)
                for row in y:
                    assert "".join(model.characters_[i] for i in row) in text
            passes.append(np.concatenate([y for _, y in batches]))
    assert passes[0].size >= length - 2 * 64
    if length >= 200:
        assert len({tuple(sorted(map(tuple, p.tolist()))) for p in passes}) > 1


def test_a_pass_over_a_short_text_has_several_steps():
    assert len(CharRNN().read("x" * 64 * 40)) >= 16


def test_characters_that_come_later_are_not_known():
    model = CharRNN(**SMALL, warm_start=True, max_iter=20, learning_rate=0.02).fit("abcd" * 100)
    with seeded(0):
        x, y = next(iter(model.read("abxd" * 100)))
    assert (x[y == UNKNOWN] != 0).any()
    assert {*np.unique(y)} == {UNKNOWN, 0, 1, 3}
    before = model.history_["loss"][-1]
    model.fit("abcd" * 100)
    assert model.history_["loss"][0] < before + 0.1
    model.fit("abxd" * 100)
    assert model.characters_ == "abcd"
    with pytest.raises(ValueError, match=r"none of the characters of the text.*set warm_start=False"):
        model.fit("xyz")
    with pytest.raises(ValueError, match="hidden_size is 9 now, but the layers were made with 24"):
        model.set_params(hidden_size=9).fit("abcd" * 100)


# ---------------------------------------------------------------------- what it learns


def test_it_learns_to_write_what_it_has_read(model):
    written = model.generate("the cat", 200, temperature=0.2, random_state=0)
    assert written.startswith("the cat")
    assert len(written) == 207
    known = TEXT.replace(";", "").replace(".", "").split()
    assert sum(word.strip(".;") in known for word in written.split()[:-1]) > 0.9 * len(written.split())
    assert model.perplexity(TEXT) < 1.4


def test_the_result_is_decided_by_random_state(model):
    again = clone(model).fit(TEXT)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)
    assert again.fit(TEXT).perplexity(TEXT) == model.perplexity(TEXT)  # it begins anew
    other = clone(model).set_params(random_state=1).fit(TEXT)
    assert other.perplexity(TEXT) != model.perplexity(TEXT)


def test_it_can_be_pickled_and_saved(model, tmp_path):
    again = pickle.loads(pickle.dumps(model))
    assert again.generate("a", 30, random_state=0) == model.generate("a", 30, random_state=0)
    other = clone(model)
    other.build(len(model.characters_)).load_state_dict(tg.load(tg.save(model, tmp_path / "text.npz")))
    np.testing.assert_array_equal(other(model.encode("cat")).numpy(), model(model.encode("cat")).numpy())


@pytest.mark.parametrize("text", ["a", "ab", "é", "\n", "aaaaaaaaaa"])
def test_short_texts(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is little to learn
        model = CharRNN(hidden_size=4, random_state=0).fit(text)
    assert set(model.generate(text, 5)) <= set(text)
    assert 1 <= model.perplexity(text) <= 2.5


def test_a_fit_that_learns_nothing_is_said():
    with pytest.warns(UserWarning, match=r"adam has not converged.*that of guessing is 2.\d+; raise max_iter=1"):
        CharRNN(hidden_size=4, max_iter=1, learning_rate=1e-9).fit(TEXT)


def test_a_fit_that_fails_leaves_the_model_as_it_was(model):
    model = pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match="text is empty"):
        model.fit("")
    assert model.perplexity(TEXT) < 1.4


# ---------------------------------------------------------------------- what it writes, and how well it foresees


def test_perplexity_is_that_of_each_character_given_all_before(model):
    text = "the hat sat on a dog"
    logits = model(np.concatenate([[[0]], model.encode(text)[:, :-1]], axis=1)).numpy()[0].astype(float)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -log_p[np.arange(len(text)), model.encode(text)[0] - 1]
    assert model.perplexity(text) == pytest.approx(np.exp(losses.mean()), rel=1e-5)


def test_perplexity_of_a_long_text_is_that_of_its_parts_together(model, monkeypatch):
    whole = model.perplexity(TEXT)
    monkeypatch.setattr("tinygrad_ml.models.char_rnn.PART", 7)
    assert model.perplexity(TEXT) == pytest.approx(whole, rel=1e-5)


def test_characters_are_drawn_by_their_probability(model):
    logits = model(np.array([[0, *model.encode("the ")[0]]])).numpy()[0, -1].astype(float)
    for temperature in (1.0, 2.0):
        p = np.exp(logits / temperature)
        p /= p.sum()
        with seeded(0):
            written = [model.generate("the ", 1, temperature)[-1] for _ in range(600)]
        shares = np.array([written.count(character) for character in model.characters_]) / 600
        np.testing.assert_allclose(shares, p, atol=0.06)


def test_temperature_0_writes_the_most_probable_character(model):
    greedy = model.generate("the ", 20, temperature=0)
    text = "the "
    for _ in range(20):
        text += model.characters_[int(model(np.array([[0, *model.encode(text)[0]]])).numpy()[0, -1].argmax())]
    assert greedy == text
    assert model.generate("the ", 20, temperature=1e-12, random_state=3) == greedy


def test_what_is_written_is_decided_by_random_state(model):
    first = model.generate("the", 50, temperature=3.0, random_state=0)
    assert model.generate("the", 50, temperature=3.0, random_state=0) == first
    assert model.generate("the", 50, temperature=3.0, random_state=1) != first
    tg.manual_seed(5)
    second = model.generate("the", 50, temperature=3.0)
    tg.manual_seed(5)
    assert model.generate("the", 50, temperature=3.0) == second


def test_it_writes_from_nothing(model):
    assert len(model.generate(length=30)) == 30
    assert model.generate("dog", 0) == "dog"


def test_writing_does_not_depend_on_the_mode_and_keeps_it():
    model = CharRNN(**SMALL, dropout=0.5, num_layers=2, max_iter=5, learning_rate=0.01).fit(TEXT)
    expected = model.generate("the", 20, random_state=0), model.perplexity(TEXT)
    model.train()
    assert (model.generate("the", 20, random_state=0), model.perplexity(TEXT)) == expected
    assert model.training


def test_unknown_characters_are_said(model):
    with pytest.warns(UserWarning, match=r"2 of the 6 characters of start were not in the text.*'éö'"):
        written = model.generate("cé tö.", 4, random_state=0)
    assert written.startswith("cé tö.")
    with pytest.warns(UserWarning, match="1 of the 7 characters of text"):
        assert 1 < model.perplexity("the câ.") < np.inf
    with pytest.warns(UserWarning, match="3 of the 3"), pytest.raises(ValueError, match="no character of the text"):
        model.perplexity("ÄÖÜ")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", ValueError, "text is empty"),
        (["a", "b"], TypeError, r"not list; give '\\n'.join\(lines\)"),
        (b"abc", TypeError, r"not bytes; give text.decode\(\)"),
        (None, TypeError, "not NoneType"),
        (np.array([1.0, 2.0]), TypeError, "not ndarray"),
    ],
)
def test_what_is_no_text_is_said(model, text, error, says):
    with pytest.raises(error, match=says):
        CharRNN().fit(text)
    with pytest.raises(error, match=says):
        model.perplexity(text)


def test_wrong_arguments_are_said(model):
    for wrong, says in (
        ({"length": -1}, "length must be a whole number"),
        ({"length": 2.5}, "length must be a whole number"),
        ({"temperature": -1}, "temperature must be a number of at least 0"),
        ({"temperature": float("nan")}, "temperature must be a number of at least 0"),
        ({"temperature": "hot"}, "temperature must be a number of at least 0"),
    ):
        with pytest.raises(ValueError, match=says):
            model.generate("the", **wrong)
    with pytest.raises(TypeError, match="use random_state="):
        model.generate("the", seed=0)
    with pytest.raises(ValueError, match=r"cell must be one of \('lstm', 'gru', 'rnn'\)"):
        CharRNN("transformer").fit(TEXT)
    for early in (lambda: CharRNN().generate("the"), lambda: CharRNN().perplexity("the")):
        with pytest.raises((ValueError, AttributeError), match=r"fit\(text\)"):
            early()
