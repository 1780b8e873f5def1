"""Who likes which film? Vectors of users and of films, learned from ratings alone.

    python examples/users_and_films.py [--quick]

Each user and each film has hidden tastes, drawn at random: how much action, and how much romance. A rating depends on
how the two agree, on the age of the film, and on chance; the models see only who rated what. A linear regression on
one-hot columns learns which films are good and which users are kind. `EmbeddingRegressor` learns a vector for each, and
so who agrees with what; in the vectors of the films the hidden tastes can be read. The picture goes into the folder
`output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import EmbeddingRegressor, LinearRegression

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

USERS, FILMS, NOISE = 150, 80, 0.4


def draw_ratings(n):
    """Return who rated what, with the age of the film; the ratings; and the hidden tastes of the films."""
    random = np.random.default_rng(0)
    user_tastes, film_tastes = random.normal(size=(USERS, 2)), random.normal(size=(FILMS, 2))
    kindness, quality, age = (
        0.3 * random.normal(size=USERS),
        0.3 * random.normal(size=FILMS),
        random.integers(0, 60, FILMS),
    )
    user, film = random.integers(0, USERS, n), random.integers(0, FILMS, n)
    agreement = (user_tastes[user] * film_tastes[film]).sum(axis=1)
    ratings = 3 + 0.7 * agreement + kindness[user] + quality[film] - 0.01 * age[film] + NOISE * random.normal(size=n)
    frame = pd.DataFrame({"user": [f"u{k}" for k in user], "film": film, "age": age[film].astype(float)})
    return frame, ratings, film_tastes


def one_hot(frame):
    """Return the columns that a linear model needs."""
    films = frame["film"].to_numpy()[:, None] == np.arange(FILMS)
    users = frame["user"].to_numpy()[:, None] == np.array([f"u{k}" for k in range(USERS)])
    return np.column_stack([users, films, frame["age"]]).astype(float)


def error(model, X, y):
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer ratings and passes")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)

    frame, ratings, tastes = draw_ratings(6000 if quick else 12_000)
    (X, y), _, (X_test, y_test) = tg.data.split(frame, ratings, test=0.2, seed=0)
    print(f"{len(y):,} ratings of {FILMS} films by {USERS} users, as a frame:\n{X.head(3).to_string(index=False)}\n")
    print("Root of the mean squared error on ratings that were not seen:")
    print(f"- always the mean: {np.sqrt(np.mean((y_test - y.mean()) ** 2)):.2f}")
    linear = LinearRegression(penalty="l2", alpha=0.01).fit(one_hot(X), y)
    print(f"- linear regression on {USERS + FILMS + 1} one-hot columns: {error(linear, one_hot(X_test), y_test):.2f}")
    model = EmbeddingRegressor(
        (64,),
        categories=["user", "film"],  # the ids of films are numbers, so they must be named
        embedding_dim=4,
        id_dropout=0.02,
        learning_rate=0.01,
        max_iter=40 if quick else 60,
        early_stopping=True,
        random_state=0,
    ).fit(X, y)
    print(f"- vectors of users and films: {error(model, X_test, y_test):.2f}; the noise alone has {NOISE:.2f}")

    stranger = X_test.assign(user="u9999")
    films_alone = LinearRegression(penalty="l2", alpha=0.01).fit(one_hot(X)[:, USERS:], y)
    print(
        f"\nFor users who were never seen, with the vector of unknown ones: {error(model, stranger, y_test):.2f}; a ",
        end="",
    )
    print(
        f"linear regression that knows the films alone: {error(films_alone, one_hot(X_test)[:, USERS:], y_test):.2f}."
    )
    vectors = model.input_.tables[1].weight.numpy()[1:]
    near = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(near, np.inf)
    films = list(model.columns_.ids[1])
    truth = np.linalg.norm(tastes[films][:, None] - tastes[films], axis=2)
    apart = truth[np.arange(len(films)), near.argmin(axis=1)].mean()
    anywhere = truth[~np.eye(len(films), dtype=bool)].mean()
    print(f"Films with like vectors are alike: the tastes of the nearest one are {apart:.2f} away, ", end="")
    print(f"those of any film {anywhere:.2f}.")

    centred = vectors - vectors.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for ax, name, taste in zip(axes, ("action", "romance"), tastes[films].T):
        points = ax.scatter(*plane.T, c=taste, cmap="coolwarm", s=30)
        ax.set(title=f"Films, by their hidden {name}", xticks=[], yticks=[])
        figure.colorbar(points, ax=ax, shrink=0.8)
    picture = folder / "users_and_films.png"
    figure.savefig(picture, dpi=110)
    print(f"\nThe vectors of the films: {picture}")
    print("Try next: embedding_dim=1, which has room for one taste; or id_dropout=0, and the error for unknown users.")


if __name__ == "__main__":
    main()
