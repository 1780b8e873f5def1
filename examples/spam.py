"""Which messages are spam? Words as features, beside what else a message says of itself.

    python examples/spam.py [--quick]

Short messages and mails, from `tg.datasets.sms_spam()` and `tg.datasets.spamassassin()`, are sorted by a logistic
regression of their words. Which words count, and what is counted beside them, is chosen by cross-validation within the
training part; the test part is used once, at the end. The mails are real ones of the year 2002, and many are fraud:
they are read as text, and nothing in them is opened. The picture goes into the folder `output` (or the one that
TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.features import (
    Bucketize,
    Columns,
    Impute,
    Log,
    OneHot,
    Ordinal,
    Scale,
    TextCounts,
    mail_table,
)
from tinygrad_ml.models import LogisticRegression

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd
    import scipy.sparse  # noqa: F401  # counts of words are mostly zeros
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
AMOUNT = [Log(), Scale()]
PHRASES = TextCounts(url=True, number=True, punctuation=True, presence=True, phrase=2, min_count=2)
SHAPE = {"length": AMOUNT, "digits": AMOUNT, "capitals": Scale()}
SHORT_MESSAGES = {
    "words": {"text": TextCounts(url=True, number=True)},
    "whether words and pairs occur": {"text": PHRASES},
    "and length, digits, capitals": {"text": PHRASES, **SHAPE},
}
BODY = TextCounts(url=True, number=True, presence=True, min_count=2)
SUBJECT = TextCounts(number=True, punctuation=True, presence=True)
SENDER = {"domain": OneHot(min_count=3, sparse=True), "hour": [Impute(), Bucketize(width=4), OneHot()]}
MAILS = {
    "words": {"text": BODY},
    "and words of the subject": {"text": BODY, "subject": SUBJECT},
    "and HTML, links, sender, hour": {
        "text": BODY,
        "subject": SUBJECT,
        **{"html": Ordinal(), "links": AMOUNT, "attachments": AMOUNT},
        **SENDER,
    },
}


def around(columns, **hyperparameters):
    """Return a pipeline of features and a logistic regression."""
    return make_pipeline(Columns(columns), LogisticRegression(C=10, **hyperparameters))


def short_messages():
    """Return short messages as a table, and whether each is spam."""
    messages, y = tg.datasets.sms_spam()
    text = pd.Series(messages)
    shape = {
        "length": text.str.len(),
        "digits": text.str.count(r"\d"),
        "capitals": text.str.count("[A-Z]") / text.str.len(),
    }
    return pd.DataFrame({"text": text, **shape}), y


def mails():
    """Return mails as a table, and whether each is spam."""
    raw, y = tg.datasets.spamassassin()
    return mail_table(raw), y


KINDS = {  # how to get them, the steps of their features, and the hyperparameters of the model
    "short messages": (short_messages, SHORT_MESSAGES, {"class_weight": {0: 1, 1: 2}}),
    "mails": (mails, MAILS, {}),
}


def parts(kind):
    """Return the training part and the test part of messages: each a table, and whether they are spam."""
    table, y = KINDS[kind][0]()
    train, _, test = tg.data.split(table, y, test=0.2, stratify=y, seed=SEED)
    return train, test


def pipeline(kind):
    """Return the model with the features of the last step."""
    _, steps, hyperparameters = KINDS[kind]
    return around(list(steps.values())[-1], **hyperparameters)


def measured(y, probability):
    """Return precision and recall in words."""
    found = probability > 0.5
    return f"precision {metrics.precision_score(y, found):.3f}, recall {metrics.recall_score(y, found):.3f}"


def draw(results, path):
    """Draw, for each kind of messages, precision and recall in the folds, and what speaks most for and against spam."""
    figure = plt.figure(figsize=(12, 8.5), layout="constrained")
    rows = figure.subfigures(len(results), 1)
    for row, (kind, (model, y, probabilities)) in zip(rows, results.items()):
        curve, words = row.subplots(1, 2)
        for name, probability in probabilities.items():
            metrics.plot_precision_recall_curve(y, probability, ax=curve, name=name)
        curve.set(title=f"{kind}, in the folds", xlim=(0.7, 1.01), ylim=(0.7, 1.01))
        names, weights = model[0].get_feature_names_out(), model[-1].coef_[0]
        chosen = np.argsort(weights)[[*range(10), *range(-10, 0)]]
        colors = ["#0072b2"] * 10 + ["#d55e00"] * 10
        words.barh([names[i].replace("$", r"\$") for i in chosen], weights[chosen], color=colors)
        words.set(title=f"What speaks for spam in {kind}", xlabel="weight")
        words.tick_params(axis="y", labelsize=8)
        words.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two folds instead of five")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    counts = TextCounts(vocabulary=["Hello", "how", "are", "you"], sparse=False)
    print(f'"Hello you Hello Hello you" has the words {counts.vocabulary}: ', end="")
    print(counts.fit_transform(["Hello you Hello Hello you"])[0].astype(int).tolist())

    results = {}
    folds = StratifiedKFold(2 if quick else 5, shuffle=True, random_state=SEED)
    for kind, (_, steps, hyperparameters) in KINDS.items():
        try:
            (table, y), (test_table, test_y) = parts(kind)
        except (FileNotFoundError, ImportError) as problem:
            sys.exit(str(problem))
        print(f"\n{len(y):,} {kind} to learn from, {y.mean():.1%} of them spam. In {folds.n_splits} folds of them:")
        probabilities = {}
        for name, columns in steps.items():
            model = around(columns, **hyperparameters)
            probabilities[name] = cross_val_predict(model, table, y, cv=folds, method="predict_proba")[:, 1]
            print(f"- {name}: {measured(y, probabilities[name])}.")
        model = pipeline(kind).fit(table, y)
        results[kind] = model, y, probabilities
        found = measured(test_y, model.predict_proba(test_table)[:, 1])
        print(f"On the test part of {len(test_y):,}: {found}, with {model[-1].coef_.size:,} features.")

    draw(results, output / "spam.png")
    print(f"\nPrecision, recall and words: {output / 'spam.png'}")
    print("Try next: headers=True in the words of the mails: why is that too easy?")


if __name__ == "__main__":
    main()
