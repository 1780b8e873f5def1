"""What houses cost: linear regression, gradient descent and its learning rate, outliers, penalties, and polynomials.

    python examples/linear_regression.py [--quick]

The data are block groups of California, from `tg.datasets.california_housing()`, and where they are neither on the
machine nor to be had, the diabetes patients that scikit-learn carries. They are shuffled and divided once: the training
part is learned from, the validation part decides between models, and the test part is looked at once, at the end. The
picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.metrics import root_mean_squared_error
from tinygrad_ml.models import BaselineRegressor, LinearRegression, PolynomialRegression
from tinygrad_ml.train import Diverged

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_diabetes
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"  # the colour-blind can tell them apart


def load():
    """Return what is predicted, how much of which unit a 1 is, three features that say much, and a frame with all."""
    try:
        frame = tg.datasets.california_housing("train")
    except (FileNotFoundError, ImportError):
        frame = load_diabetes(as_frame=True, scaled=False).frame
        frame["target"] /= 100
        return "progress of diabetes", 100, "points", ["bmi", "bp", "s5"], frame
    frame.insert(0, "rooms_per_person", frame["total_rooms"] / frame["population"])  # a synthetic feature
    frame["median_house_value"] /= 100_000
    return "median house value", 100_000, "dollars", ["median_income", "housing_median_age", "rooms_per_person"], frame


def descents(ax, x, y, epochs):
    """Reach the closed form by steps on all samples, on batches, and on one after the other."""
    best = LinearRegression().fit(x, y)
    optimum = best.history_["loss"][-1]
    print(f"\nGradient descent on {len(x)} samples and {x.shape[1]} features. In closed form: loss {optimum:.4f}.")
    for name, size, colour in (("full batch", None, BLUE), ("mini-batch", 100, ORANGE), ("stochastic", 1, GREEN)):
        model = LinearRegression(solver="sgd", batch_size=size, max_iter=epochs, tol=0, random_state=SEED).fit(x, y)
        losses, steps = model.history_["loss"], -(-len(x) // (size or len(x)))
        away = np.linalg.norm(model.coef_ - best.coef_) / np.linalg.norm(best.coef_)
        print(
            f"- {name}, steps an epoch {steps}: loss {losses[0]:.4f} in the first epoch, {losses[epochs // 4]:.4f} in "
            f"epoch {epochs // 4 + 1}, {losses[-1]:.4f} in the last; the weights end {away:.2%} from the closed form."
        )
        above = np.maximum(np.array(losses) - optimum, 1e-9)
        ax.plot(range(1, epochs + 1), above, color=colour, label=f"{name}: steps an epoch: {steps}", linewidth=2)
    print("Steps on few samples at a time hover about the optimum as long as the learning rate does not fall.")
    ax.set(title="Three ways down", xlabel="epoch", ylabel="mean squared error above the closed form", yscale="log")


def learning_rates(ax, x, y, shown=60):
    """Descend too slowly, well, and too fast."""
    model = LinearRegression(solver="sgd", batch_size=None, max_iter=1000, tol=0).fit(x, y)
    right = model.history_["learning_rate"][0]  # one over the largest curvature; above twice this, steps overshoot
    print(f"\nThe learning rate, with all samples in each step; the loss after {shown} epochs:")
    for rate in (0.01 * right, right, 3 * right):
        try:
            losses, end = model.set_params(learning_rate=rate).fit(x, y).history_["loss"], ""
        except Diverged as error:
            losses, end = error.history["loss"], f"; later it diverges: {str(error).partition(', at')[0]}"
        print(f"- {rate:.2g}: {losses[shown - 1]:.4g}{end}.")
        tg.plot.learning_curve({"loss": losses[:shown]}, label=f"rate {rate:.2g}", ax=ax)
    ax.set(title="Learning rates", ylabel="mean squared error", yscale="log", ylim=(None, 1e4))


def outliers(ax, x, y, epochs):
    """Fit lines with the squared and with the absolute error, before and after a few wrong entries."""
    random = np.random.default_rng(SEED)
    wrong = random.choice(np.flatnonzero(x[:, 0] > 0), 5, replace=False)
    spoiled = y.copy()
    spoiled[wrong] *= 10  # typed with a zero too many
    ends = np.array([[x.min()], [x.max()]])
    ax.scatter(x, spoiled, color="0.6", s=12)
    moved = []
    for loss, colour in (("mse", ORANGE), ("mae", BLUE)):
        model = LinearRegression(solver="adam", loss=loss, learning_rate=0.05, batch_size=None, max_iter=epochs, tol=0)
        before, after = (model.fit(x, target).predict(ends) for target in (y, spoiled))
        moved.append(abs(after - before).max())
        ax.plot(ends, before, color=colour, linestyle=":", label=f"{loss.upper()}, without outliers")
        ax.plot(ends, after, color=colour, linewidth=2, label=f"{loss.upper()}, with outliers")
    ax.set(title=f"{len(wrong)} outliers among {len(x)} points", xlabel="feature, scaled", ylabel="target")
    print(
        f"\n{len(wrong)} outliers among {len(x)} points move the end of the line by {moved[0]:.2f} if it minimises the "
        f"squared error, and by {moved[1]:.2f}, {'less' if moved[1] < moved[0] else 'no less'}, if the absolute error."
    )


def penalties(ridge_ax, lasso_ax, x, y, telling, count, epochs):
    """Follow the weights as the penalty grows: ridge makes them small, lasso makes more and more of them zero."""
    print("\nPenalties, from weak to strong:")
    for ax, penalty, name, alphas in (
        (ridge_ax, "l2", "ridge", len(x) * np.logspace(-3, 2, count)),
        (lasso_ax, "l1", "lasso", np.logspace(-4, 0, count)),
    ):
        solver = {"solver": "sgd", "batch_size": None, "momentum": 0.9, "max_iter": epochs, "tol": 0}
        model = LinearRegression(penalty=penalty, **(solver if penalty == "l1" else {}))
        weights = np.array([model.set_params(alpha=alpha).fit(x, y).coef_ for alpha in alphas])
        for feature, column in zip(x.columns, weights.T):
            known = feature in telling
            colour = (BLUE, ORANGE, GREEN)[telling.index(feature)] if known else "0.7"
            ax.plot(alphas, column, color=colour, linewidth=2 if known else 1, label=feature if known else None)
        sizes, zeros = abs(weights).sum(axis=1), (weights == 0).sum(axis=1)
        print(
            f"- {name}: the sum of |w| goes from {sizes[0]:.2f} to {sizes[-1]:.2f}; of the {weights.shape[1]} weights "
            f"{zeros[0]} are exactly zero at first, {zeros[count // 2]} in the middle and {zeros[-1]} at the end."
        )
        ax.set(
            title=f"{name.capitalize()}: {zeros[-1]} zeros at the end", xlabel="alpha", ylabel="weight", xscale="log"
        )


def degrees(ax, x, y, x_valid, y_valid):
    """Fit few points too stiffly, well, and too closely."""
    grid = np.linspace(x.min(), x.max(), 200).reshape(-1, 1)
    ax.scatter(x, y, color="0.6", s=12)
    print(f"\nPolynomials of one feature on {len(x)} points, mean squared error there and on the validation part:")
    for degree, colour in ((1, BLUE), (2, GREEN), (6, ORANGE)):
        model = PolynomialRegression(degree).fit(x, y)
        inside = (x_valid >= x.min()) & (x_valid <= x.max())  # no polynomial is to be trusted outside
        here, there = model.history_["loss"][-1], ((model.predict(x_valid) - y_valid) ** 2)[inside[:, 0]].mean()
        print(f"- degree {degree}: {here:.3f} there, {there:.3f} on the validation part.")
        ax.plot(grid, model.predict(grid), color=colour, linewidth=2, label=f"degree {degree}: {there:.3g}")
    ax.set(title="Polynomials and their validation error", xlabel="feature, scaled", ylabel="target")
    ax.set_ylim(y.min() - 0.3 * np.ptp(y), y.max() + 0.3 * np.ptp(y))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    what, one, unit, telling, frame = load()
    features, target = frame.iloc[:, :-1], frame.iloc[:, -1]
    training, validation, test = tg.data.split(features, target, validation=0.2, test=0.2, seed=SEED)
    mean, deviation = training[0].mean(), training[0].std()  # of the training part only
    (x, y), (x_valid, y_valid), (x_test, y_test) = (
        ((part - mean) / deviation, values.to_numpy()) for part, values in (training, validation, test)
    )
    print(f"{what}: {len(frame)} rows, {features.shape[1]} features; {len(x)} rows to learn from.")
    constant = root_mean_squared_error(y_valid, BaselineRegressor().fit(x, y).predict(x_valid))
    print(f"Always predicting the mean is wrong by {one * constant:,.0f} {unit} (root mean square, validation part).")

    figure, axes = plt.subplots(2, 3, figsize=(15, 8.6), layout="constrained")
    few, three, single = x[:1000], x[telling].to_numpy()[:1000], x[telling[:1]].to_numpy()
    descents(axes[0, 0], three, y[:1000], epochs=20 if quick else 60)
    learning_rates(axes[0, 1], three, y[:1000])
    outliers(axes[0, 2], single[:60], y[:60], epochs=500 if quick else 3000)
    penalties(axes[1, 0], axes[1, 1], few, y[:1000], telling, count=7 if quick else 13, epochs=200 if quick else 2000)
    degrees(axes[1, 2], single[:40], y[:40], x_valid[telling[:1]].to_numpy(), y_valid)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, fontsize=9)
    figure.savefig(output / "linear_regression.png", dpi=110)

    models = {
        f"{telling[0]} alone": LinearRegression().fit(x[telling[:1]], y),
        "all features": LinearRegression().fit(x, y),
        "all features, their squares and crosses": PolynomialRegression(2, penalty="l2").fit(x, y),
    }
    print("\nThe validation part judges (root mean squared error):")
    errors = {}
    for name, model in models.items():
        errors[name] = root_mean_squared_error(y_valid, model.predict(x_valid[model.feature_names_in_]))
        print(f"- {name}: {one * errors[name]:,.0f} {unit}.")
    best = min(errors, key=errors.get)
    final = root_mean_squared_error(y_test, models[best].predict(x_test[models[best].feature_names_in_]))
    print(f"On the test part the best of these, {best}, is wrong by {one * final:,.0f} {unit}.")
    print(f"\nSix pictures: {output / 'linear_regression.png'}")
    print("Try next: alpha in PolynomialRegression(3, penalty='l2'); or the logarithm of the target.")


if __name__ == "__main__":
    main()
