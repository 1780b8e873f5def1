"""Who survived the Titanic? Our models in scikit-learn's pipelines, searches and cross-validation.

    python examples/titanic.py [--quick]

The passengers are those of Kaggle's competition "Titanic", from `tg.datasets.titanic()`. All that is
learned from the data, also what fills gaps and scales, and the choice of hyperparameters, is learned inside the folds
of a cross-validation: no passenger is judged by a model that has seen them. The picture goes into the folder `output`
(or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.features import Columns, Cross, Impute, Log, OneHot, Scale
from tinygrad_ml.models import BaselineClassifier, LogisticRegression, MLPClassifier

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
COLUMNS = {
    "Age": [Impute("median"), Scale()],
    "Fare": [Impute("median"), Log(), Scale()],
    "Family": Scale(),
    ("Title", "Pclass", "Embarked", "Alone", "Deck"): OneHot(),  # what is missing is a kind of its own
    ("Title", "Pclass"): Cross(),  # class did not help men as it did boys and women
}


def describe(passengers):
    """Return the features of passengers, each from their own row."""
    features = passengers[["Age", "Fare", "Pclass", "Embarked"]].copy()
    title = passengers["Name"].str.extract(r", ([^.]+)\.", expand=False)
    title = title.replace({"Mlle": "Miss", "Ms": "Miss", "Mme": "Mrs"})
    features["Title"] = title.where(title.isin(["Mr", "Mrs", "Miss", "Master"]), "other")
    features["Family"] = passengers["SibSp"] + passengers["Parch"]
    features["Alone"] = features["Family"] == 0
    features["Deck"] = passengers["Cabin"].str[0]
    return features


def around(model):
    """Return a pipeline that describes passengers, fills gaps, scales and encodes, and then asks a model."""
    return make_pipeline(FunctionTransformer(describe), Columns(COLUMNS), model)


def draw(y, chances, folds, best, fitted, path):
    """Draw the accuracy in every fold, ROC curves, the confusion matrix of the best model, and the weights."""
    figure = plt.figure(figsize=(12, 11), layout="constrained")
    (upper_left, upper_right), (lower_left, lower_right) = figure.subfigures(2, 2)
    accuracy, curves, matrix = (part.subplots() for part in (upper_left, upper_right, lower_left))
    for i, values in enumerate(folds.values()):
        accuracy.plot(values, [i] * len(values), "o", color="#0072b2", alpha=0.35)
        accuracy.plot(np.mean(values), i, "|", color="black", markersize=24, markeredgewidth=2)
    accuracy.set_yticks(range(len(folds)), folds)
    accuracy.set(title="Accuracy in each fold, and the mean", xlabel="accuracy", ylim=(-0.6, len(folds) - 0.4))
    accuracy.spines[["top", "right"]].set_visible(False)
    for name, chance in chances.items():
        metrics.plot_roc_curve(y, chance, ax=curves, name=name, thresholds=(0.3, 0.5) if name == best else None)
    predicted = (chances[best] > 0.5).astype(int)
    metrics.plot_confusion_matrix(y, predicted, display_labels=("died", "survived"), ax=matrix)
    matrix.set_title(best)
    (weights,) = tg.plot.weights(fitted[-1], names=fitted[1].get_feature_names_out(), figure=lower_right)
    weights.set(title="Logistic regression: what speaks for survival", xlabel="weight (change of the log-odds)")
    weights.tick_params(axis="y", labelsize=6.5)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer folds and shorter searches")
    quick = parser.parse_args().quick
    try:
        passengers = tg.datasets.titanic()
    except (FileNotFoundError, ImportError) as error:
        sys.exit(str(error))
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    y = passengers.pop("Survived").to_numpy()
    gaps = passengers.isna().sum()
    print(f"{len(y)} passengers, of whom {y.mean():.1%} survived. ", end="")
    print(f"Gaps: {', '.join(f'{column} {n}' for column, n in gaps[gaps > 0].items())}.\n")

    outer = StratifiedKFold(3 if quick else 10, shuffle=True, random_state=SEED)
    inner = StratifiedKFold(2 if quick else 5, shuffle=True, random_state=SEED)
    epochs = 10 if quick else 40
    mlp = MLPClassifier((32,), learning_rate=3e-3, alpha=1e-3, max_iter=epochs, tol=0, random_state=SEED)
    candidates = {
        "logistic regression": (LogisticRegression(), {"logisticregression__C": [0.03, 0.3, 3.0]}),
        "MLP": (mlp, {"mlpclassifier__dropout": [0.0, 0.3] if quick else [0.0, 0.3, 0.6]}),
    }
    splits = [test for _, test in outer.split(passengers, y)]
    right = {
        "all die": y == cross_val_predict(BaselineClassifier(), passengers, y, cv=outer),
        "women survive": y == (passengers["Sex"] == "female"),
    }
    chances = {}
    for name, (model, grid) in candidates.items():
        search = GridSearchCV(around(model), grid, cv=inner)  # searches anew in every fold
        chances[name] = cross_val_predict(search, passengers, y, cv=outer, method="predict_proba")[:, 1]
        right[name] = (chances[name] > 0.5) == y

    print(f"Passengers judged correctly, in {len(splits)} folds that the model had not seen:")
    folds = {name: [np.mean(correct[test]) for test in splits] for name, correct in right.items()}
    for name, values in folds.items():
        area = f"; AUC {metrics.roc_auc_score(y, chances[name]):.3f}" if name in chances else ""
        print(f"- {name}: {np.mean(values):.1%}, from {min(values):.1%} to {max(values):.1%}{area}.")
    best = max(chances, key=lambda name: np.mean(folds[name]))
    rule, model = right["women survive"], right[best]
    print(f"\nThe better model, {best}, is right about {(model & ~rule).sum()} passengers about whom the rule ", end="")
    print(f"'women survive' is wrong, and wrong about {(rule & ~model).sum()} about whom the rule is right.")
    for sex in ("female", "male"):
        rows = (passengers["Sex"] == sex).to_numpy()
        print(f"Of the {rows.sum()} {sex} passengers {model[rows].mean():.1%} are judged correctly.")

    fitted = around(LogisticRegression(C=0.3)).fit(passengers, y)
    weights = pd.Series(fitted[-1].coef_[0], fitted[1].get_feature_names_out()).sort_values()
    print(f"\nIn a logistic regression of all passengers {weights.index[-1]} speaks most for survival ", end="")
    print(f"({weights.iloc[-1]:+.2f}), and {weights.index[0]} most against it ({weights.iloc[0]:+.2f}).")

    draw(y, chances, folds, best, fitted, output / "titanic.png")
    print(f"\nFolds, ROC curves, confusion matrix and weights: {output / 'titanic.png'}")
    print("Try next: a feature for those who share a ticket; or class_weight='balanced', to find more survivors.")


if __name__ == "__main__":
    main()
