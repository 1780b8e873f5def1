"""The models beside scikit-learn's solver of the same kind, NumPy and PyTorch, in the same run, one thread each.

    python benchmarks/models.py [--quick]

They take turns, and each figure is the best of many rounds: machines are shared and noisy, so look at the ratio. MNIST
is read from the folder TINYGRAD_ML_DATA; without it, noise of the same shape takes as long.
"""

import warnings

from peer import Table, np, torch
from sklearn import decomposition, linear_model, multioutput, neural_network, svm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler

import tinygrad_ml as tg
from tinygrad_ml import models, nn, optim
from tinygrad_ml.compiler.entry import Compiled

random = np.random.default_rng(0)


def mnist():
    """Return 60,000 images, (samples, 784) from 0 to 1 in float32, and their labels."""
    try:
        X, y = tg.datasets.mnist("train")
    except (FileNotFoundError, ImportError) as error:
        print(f"({error}; noise takes its place)")
        return random.random((60_000, 784), np.float32), random.integers(10, size=60_000)
    return X.reshape(-1, 784).astype(np.float32) / 255, y


def beside_sklearn():
    table = Table(__doc__, "milliseconds", 62, rounds=20, peer="scikit-learn")
    diabetes = load_diabetes(return_X_y=True)
    cancer, digits = (
        (StandardScaler().fit_transform(X), y)
        for X, y in (load_breast_cancer(return_X_y=True), load_digits(return_X_y=True))
    )
    images, labels = mnist()
    small, pixels = images[:6000], images[:6000].astype(np.float64)
    kinds = digits[0], np.column_stack([digits[1] >= 7, digits[1] % 2 == 1, digits[1] % 3 == 0]).astype(int)
    is_low = labels[:6000] < 5
    many = random.normal(size=(1000, 200))
    many_features = many, many[:, :20] @ random.normal(size=20) + random.normal(size=1000)
    table_of_counts = random.normal(size=(5000, 20))
    counts = table_of_counts, random.poisson(np.exp(1 + 0.2 * table_of_counts.sum(axis=1) / 20**0.5))
    for name, data, ours, theirs in [
        ("least squares, diabetes", diabetes, models.LinearRegression(), linear_model.LinearRegression()),
        ("ridge, diabetes", diabetes, models.LinearRegression(penalty="l2"), linear_model.Ridge(solver="svd")),
        (
            "logistic, Newton, breast cancer",
            cancer,
            models.LogisticRegression(solver="newton"),
            linear_model.LogisticRegression(solver="newton-cholesky"),
        ),
        (
            "logistic, L-BFGS, breast cancer",
            cancer,
            models.LogisticRegression(solver="lbfgs"),
            linear_model.LogisticRegression(solver="lbfgs"),
        ),
        (
            "softmax, Newton, digits",
            digits,
            models.SoftmaxRegression(solver="newton"),
            linear_model.LogisticRegression(solver="newton-cholesky"),
        ),
        (
            "softmax, L-BFGS, digits",
            digits,
            models.SoftmaxRegression(solver="lbfgs"),
            linear_model.LogisticRegression(solver="lbfgs"),
        ),
        (
            "ridge, 6,000 x 784",
            (pixels, labels[:6000].astype(float)),
            models.LinearRegression(penalty="l2"),
            linear_model.Ridge(solver="cholesky"),
        ),
        (
            "least squares, 6,000 x 784",
            (pixels, labels[:6000].astype(float)),
            models.LinearRegression(),
            linear_model.LinearRegression(),
        ),
        ("lasso, diabetes", diabetes, models.Lasso(0.1), linear_model.Lasso(0.1)),
        ("elastic net, diabetes", diabetes, models.ElasticNet(0.1), linear_model.ElasticNet(0.1)),
        (
            "perceptron, 10 passes, breast cancer",
            cancer,
            models.Perceptron(max_iter=10),
            linear_model.Perceptron(max_iter=10, tol=None, shuffle=False),
        ),
        (
            "perceptron, 10 passes, 6,000 x 784",
            (pixels, is_low),
            models.Perceptron(max_iter=10),
            linear_model.Perceptron(max_iter=10, tol=None, shuffle=False),
        ),
        # our gradient steps end at the optimum, scikit-learn's near it
        (
            "logistic, SGD, breast cancer",
            cancer,
            models.LogisticRegression(solver="sgd"),
            linear_model.SGDClassifier(loss="log_loss", alpha=1 / len(cancer[0])),
        ),
        (
            "logistic, SGD, 6,000 x 784",
            (small, is_low),
            models.LogisticRegression(solver="sgd"),
            linear_model.SGDClassifier(loss="log_loss", alpha=1 / 6000),
        ),
        ("lasso, path of 5 folds, diabetes", diabetes, models.LassoCV(), linear_model.LassoCV()),
        (
            "lasso, path of 5 folds, 1,000 x 200",
            many_features,
            models.LassoCV(),
            linear_model.LassoCV(),
        ),
        (
            "elastic net, 3 paths of 5 folds, diabetes",
            diabetes,
            models.ElasticNetCV(l1_ratio=[0.1, 0.5, 0.9]),
            linear_model.ElasticNetCV(l1_ratio=[0.1, 0.5, 0.9]),
        ),
        (
            "ridge, 30 alphas, leaving each out, diabetes",
            diabetes,
            models.RidgeCV(np.geomspace(0.01, 100, 30)),
            linear_model.RidgeCV(np.geomspace(0.01, 100, 30)),
        ),
        (
            "Poisson, Newton, 5,000 x 20",
            counts,
            models.PoissonRegression(0.1, solver="newton"),
            linear_model.PoissonRegressor(alpha=0.1, solver="newton-cholesky"),
        ),
        (
            "Poisson, L-BFGS, 5,000 x 20",
            counts,
            models.PoissonRegression(0.1, solver="lbfgs"),
            linear_model.PoissonRegressor(alpha=0.1),
        ),
        (
            "Poisson, Newton, digits",
            digits,
            models.PoissonRegression(0.1, solver="newton"),
            linear_model.PoissonRegressor(alpha=0.1, solver="newton-cholesky"),
        ),
        *(
            (f"SVM, {loss.replace('_', ' ')}, {name}", data, models.LinearSVM(C=0.1, loss=loss), peer)
            for name, data in (("breast cancer", cancer), ("digits", digits), ("6,000 x 784", (pixels, is_low)))
            for loss, peer in (
                ("hinge", svm.LinearSVC(C=0.1, loss="hinge", max_iter=10_000)),
                ("squared_hinge", svm.LinearSVC(C=0.1, max_iter=10_000)),
            )
        ),
        (
            "chain of 3 labels, digits",
            kinds,
            models.ClassifierChain(models.LogisticRegression(solver="lbfgs")),
            multioutput.ClassifierChain(linear_model.LogisticRegression()),
        ),
        ("PCA, all components, digits", (digits[0],), models.PCA(), decomposition.PCA()),
        ("PCA, 20 components, 6,000 x 784", (pixels,), models.PCA(20), decomposition.PCA(20)),
        (
            "MLP 64-100-10, 10 epochs in batches of 64, Adam, digits",
            digits,
            models.MLPClassifier(max_iter=10, tol=0),
            neural_network.MLPClassifier(max_iter=10, batch_size=64, tol=0),
        ),
        (
            "MLP 64-100-3 of 3 labels, 10 epochs, Adam, digits",
            kinds,
            models.MLPClassifier(max_iter=10, tol=0),
            neural_network.MLPClassifier(max_iter=10, batch_size=64, tol=0),
        ),
    ]:
        table.compare(f"fit: {name}", lambda: ours.fit(*data), lambda: theirs.fit(*data), bar=1.0)  # noqa: B023
    table.compare("predict_proba: logistic, one sample", *(
        lambda m=m: m.predict_proba(cancer[0][:1])
        for m in (models.LogisticRegression().fit(*cancer), linear_model.LogisticRegression().fit(*cancer))
    ))  # fmt: skip


def beside_numpy():
    """Local lines beside the same formulas for one query after the other; few classes of many beside all of them."""
    print()
    table = Table(__doc__, "milliseconds", 58, rounds=20, peer="NumPy")
    x = np.sort(random.uniform(0, 6, size=(2000, 1)), axis=0)
    y, queries = np.sin(x[:, 0]) + 0.2 * random.normal(size=2000), np.linspace(0, 6, 500)[:, None]
    model = models.LocallyWeightedRegression(tau=0.1).fit(x, y)

    def by_hand():
        design = np.column_stack([np.ones(len(x)), x])
        for query in queries:
            weighted = design * np.exp(-((x - query) ** 2) / (2 * 0.1**2))
            w = np.linalg.solve(weighted.T @ design, weighted.T @ y)
            w[0] + w[1] * query[0]

    table.compare("local lines: 500 queries of 2,000 examples", lambda: model.predict(queries), by_hand, 1.0)
    print()
    table = Table(__doc__, "milliseconds", 58, rounds=5, peer="all classes")
    classes = 2_000 if table.quick else 10_000
    words, users = random.normal(size=(20_000, 32)).astype(np.float32), random.integers(classes, size=20_000)
    few, every = (
        models.SoftmaxRegression(solver="adagrad", sampled=k, max_iter=1, tol=0, penalty=None) for k in (64, None)
    )
    table.compare(
        f"sampled softmax: a pass over 20,000 samples of {classes:,} classes",
        *(lambda model=model: model.fit(words, users) for model in (few, every)),
        bar=0.5,
    )


def torch_epoch(net, images, labels):
    """Return a run: an epoch by the loop that users of PyTorch write, with shuffled batches of 64 and Adam."""
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer, loss = torch.optim.Adam(net.parameters(), lr=1e-3), torch.nn.CrossEntropyLoss()

    def run():
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()

    return run


def our_epoch(net, images, labels, backend=None):
    """Return a run: an epoch by `fit`, or by steps that were compiled before."""
    optimizer, loss = optim.Adam(net.parameters(), lr=1e-3), nn.CrossEntropyLoss()
    if backend is None:
        return lambda: tg.train.fit(net, loss, optimizer, (images, labels), epochs=1, batch_size=64)
    loader = tg.data.DataLoader((images, labels), batch_size=64, shuffle=True)

    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    step = Compiled(step, backend)

    def run():
        for x, y in loader:
            step(x, y)

    return run


def beside_torch():
    print()
    print("epochs")
    table = Table(__doc__, "milliseconds", 76, rounds=7)
    images, labels = mnist()
    if table.quick:
        images, labels = images[:6000], labels[:6000]
    for name, layers, shape, n, bar in [
        ("softmax regression 784-10", lambda k: [k.Linear(784, 10)], (784,), 60_000, 1.0),
        (
            "MLP 784-128-64-10",
            lambda k: [k.Linear(784, 128), k.ReLU(), k.Linear(128, 64), k.ReLU(), k.Linear(64, 10)],
            (784,),
            60_000,
            1.0,
        ),
        (
            "ConvNet 16, 32 filters of 3 x 3, 64 neurons",
            lambda k: [
                *(k.Conv2d(1, 16, 3, padding=1), k.ReLU(), k.MaxPool2d(2)),
                *(k.Conv2d(16, 32, 3, padding=1), k.ReLU(), k.MaxPool2d(2)),
                *(k.Flatten(), k.Linear(1568, 64), k.ReLU(), k.Linear(64, 10)),
            ],
            (1, 28, 28),
            6_000,
            1.0,
        ),
    ]:
        x, y = images[:n].reshape(-1, *shape), labels[:n]
        theirs = torch_epoch(torch.nn.Sequential(*layers(torch.nn)), x, y)
        for how, backend in (("fit", None), ("fit, later", "exact"), ("compiled steps", "c")):
            ours = our_epoch(nn.Sequential(*layers(nn)), x, y, backend)
            table.compare(f"{name}, {len(x):,} images: {how}", ours, theirs, bar)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # 10 epochs are not enough to converge, and that is not the question
    beside_sklearn()
    beside_numpy()
    beside_torch()
