"""Sparse logistic regression beside scikit-learn's: 5,574 messages and 8,000 word columns, time and memory, one thread.

    python benchmarks/sparse.py [--quick]

The solvers take turns, and each figure is the best of many rounds: look at the ratio. Memory is the peak of what is
allocated in a fit, with the matrix that it is given. As they come, the solvers end at different distances from the
optimum, so beside these fits there are fits to the same quality: scikit-learn's L-BFGS with a tolerance at which it
reaches our objective; as many passes of our "sgd" as reach the objective of SGDClassifier; and as many epochs of that
as take it within 1e-5 of the optimum (or 1,000 of them, if that is not enough).

The messages, and mail with 50,000 word columns, are read from the folder TINYGRAD_ML_DATA; without it, drawn words take
their place.
"""

import resource
import time
import tracemalloc
import warnings

from peer import Table, np
from sklearn import linear_model
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

import tinygrad_ml as tg
from tinygrad_ml import models

random = np.random.default_rng(0)


def texts_of(name, count):
    """Return the texts of a data set and whether each is spam, or drawn ones if it is not there."""
    try:
        texts, labels = getattr(tg.datasets, name)()
    except (FileNotFoundError, ImportError) as error:
        print(f"({error}; drawn words take their place)")
        words = [f"w{i}" for i in range(20_000)]
        ranks = 1 / np.arange(1, 20_001)
        labels = random.random(count) < 0.15
        texts = [
            " ".join(random.choice(words, random.integers(5, 25), p=ranks / ranks.sum())) + " win free prize" * spam
            for spam in labels
        ]
    return [str(text) for text in texts], np.unique(labels, return_inverse=True)[1]


def objective(model, X, y):
    """Return the log loss of all messages, with the penalty."""
    w, b = model.coef_[0], model.intercept_[0]
    return np.logaddexp(0, -(2 * y - 1) * (X @ w + b)).sum() + w @ w / 2


def sgd(n_messages, epochs=None):
    """Return scikit-learn's SGD as it comes, or for a number of epochs."""
    options = {} if epochs is None else {"max_iter": epochs, "tol": None}
    return linear_model.SGDClassifier(loss="log_loss", alpha=1 / n_messages, random_state=0, **options)


def epochs_to(X, y, wanted):
    """Return how many epochs take SGDClassifier to an objective, up to 1,000."""
    epochs = 1
    while epochs < 1000 and objective(sgd(len(y), epochs).fit(X, y), X, y) > wanted:
        epochs = min(1000, 2 * epochs)
    return epochs


def passes_to(X, y, wanted):
    """Return how many passes of ours lead to an objective."""
    passes = 1
    while objective(models.LogisticRegression(solver="sgd", max_iter=passes).fit(X, y), X, y) > wanted:
        passes += 1
    return passes


def peak(run, X):
    """Return the most bytes that a run allocates, with those of X."""
    tracemalloc.start()
    run()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most + X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def messages(table):
    texts, y = texts_of("sms_spam", 5574)
    for name, vectorizer in (("counts", CountVectorizer), ("tf-idf", TfidfVectorizer)):
        X = vectorizer(max_features=8000).fit_transform(texts)
        best = objective(models.LogisticRegression().fit(X, y), X, y)
        epochs = epochs_to(X, y, (1 + 1e-5) * best)
        passes = passes_to(X, y, objective(sgd(len(y)).fit(X, y), X, y))
        mine = models.LogisticRegression
        exact = linear_model.LogisticRegression(tol=1e-8, max_iter=10_000)
        pairs = [
            ("L-BFGS", mine(solver="lbfgs"), linear_model.LogisticRegression(), 1.2),
            ("L-BFGS, our objective", mine(solver="lbfgs"), exact, 1.0),
            ("SGD", mine(solver="sgd"), sgd(len(y)), None),  # ours ends at the optimum, scikit-learn's near it
            (f"SGD, their objective: {passes} passes", mine(solver="sgd", max_iter=passes), sgd(len(y)), 1.5),
            (f"SGD, near the optimum: {epochs} epochs", mine(solver="sgd"), sgd(len(y), epochs), 1.0),
        ]
        for solver, ours, theirs, bar in pairs:
            runs = [lambda m=m: m.fit(X, y) for m in (ours, theirs)]  # noqa: B023
            table.compare(f"{name}, {X.shape[1]:,} words: {solver}", *runs, bar)
            memory = [peak(run, X) / 1e6 for run in runs]
            losses = [objective(m, X, y) / best - 1 for m in (ours, theirs)]
            print(f"    MB {memory[0]:.1f} and {memory[1]:.1f}, ratio {memory[0] / memory[1]:.2f};", end=" ")
            print(f"above the optimum by {losses[0]:.0e} and {losses[1]:.0e} of it")


def mail():
    texts, y = texts_of("spamassassin", 3000)
    X = TfidfVectorizer(max_features=50_000).fit_transform(texts)
    print(f"\nmail: {X.shape[0]:,} x {X.shape[1]:,}, {X.nnz:,} entries; dense, {8 * np.prod(X.shape) / 1e9:.1f} GB")
    for model in (
        models.LogisticRegression(),
        models.Perceptron(),
        models.LinearRegression(penalty="l2"),
        models.Lasso(1e-4),
        models.PCA(20, svd_solver="randomized", random_state=0),
        models.MLPClassifier((16,), max_iter=5, random_state=0),
    ):
        start = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - start
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{model!r:72} {seconds:6.2f} s, the process at most {most:,.0f} MB so far")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # SGDClassifier says that it has not converged, which is the question
    messages(Table(__doc__, "milliseconds", 58, rounds=30, peer="scikit-learn"))
    mail()
