"""Spam: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml import metrics
from tinygrad_ml.features import TextCounts
from tinygrad_ml.models import LogisticRegression

pytestmark = pytest.mark.slow
MESSAGES = [
    "win a prize now",
    "call now to win",
    "a free prize waits",
    "free free call",
    "see you at home",
    "are you at work now",
    "home at six then",
    "call me when home",
]
SPAM = np.array([1, 1, 1, 1, 0, 0, 0, 0])


def test_what_the_chapter_says(tmp_path):
    text = run(27, tmp_path, "--quick")
    assert "Counts of ['Hello', 'how', 'are', 'you'] in 'Hello you Hello Hello you': [3, 0, 0, 2]." in text
    assert "Presence of ['Hello', 'how', 'are', 'you'] in 'Hello you Hello Hello you': [1, 0, 0, 1]." in text
    assert "NUMBER, URL, at, call, claim, end, or, pound, wait, winner, won, you." in text
    rows = re.findall(r"\n(.+), (counts|presence): (.+) words, (.+)% .* precision (.+), recall (.+)\.", text)
    words = {row[0]: int(row[2].replace(",", "")) for row in rows}
    assert len(rows) == 12
    assert words["nothing"] > words["lower case"] > words["URL and NUMBER"] > words["stems"]
    assert words["stems"] < words["punctuation"] < words["pairs"]
    assert all(0 < float(row[3]) < 1 for row in rows)
    f1 = {row[:2]: 2 / (1 / float(row[4]) + 1 / float(row[5])) for row in rows}
    (name, counted, best), *_ = re.findall(r"The best in cross-validation: (.+), (.+), F1 (.+)\.\n", text)
    assert f1[name, counted] == pytest.approx(float(best), abs=0.002)
    assert max(f1.values()) == pytest.approx(float(best), abs=0.002)
    assert {"NUMBER", "call"} <= set(re.split(", ", *re.findall(r"For spam: (.+)\.\n", text)))
    assert numbers(r"'.+' multiplies the odds of spam by (.+)\.\n", text)[0] > 5
    cuts = [float(cut) for cut in re.findall(r"missed spam: threshold (.+)\.\n", text)]
    assert cuts == sorted(cuts)
    for part in ("folds", "test"):
        found = re.findall(rf"{part}: precision (.+), recall (.+), (\d+) lost", text)
        precision, recall, lost = (np.array(column, float) for column in zip(*found))
        assert (precision > 0.9).all()
        assert (recall > 0.7).all()
        assert (np.diff(recall) <= 0).all()
        assert (np.diff(lost) <= 0).all()


def test_exercise_1_none_and_no():
    new = ["zebra call now", "you win a zebra"]
    probabilities = []
    for known in (MESSAGES, MESSAGES + new):
        count = TextCounts().fit(known)
        model = LogisticRegression(C=10, tol=1e-8).fit(count.transform(MESSAGES), SPAM)
        probabilities.append(model.predict_proba(count.transform(new)))
    assert model.coef_[0, count.vocabulary_["zebra"]] == 0
    np.testing.assert_allclose(*probabilities, atol=1e-6)


def test_exercise_2_little_and_the_same_model():
    rare = [f"{message} {' '.join(f'word{k}x' for k in range(9 * i, 9 * i + 9))}" for i, message in enumerate(MESSAGES)]
    sparse = TextCounts().fit_transform(rare)
    full = TextCounts(sparse=False).fit_transform(rare)
    assert sparse.data.nbytes + sparse.indices.nbytes + sparse.indptr.nbytes < full.nbytes / 3
    models = [LogisticRegression(C=10, tol=1e-8).fit(X, SPAM) for X in (sparse, full)]
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, atol=1e-6)


@pytest.mark.parametrize("cost", [1, 3, 10])
def test_exercise_3_cost_over_one_plus_cost(cost):
    random = np.random.default_rng(0)
    p = random.uniform(size=200_000)
    y = (random.uniform(size=p.size) < p).astype(int)
    chosen = metrics.choose_threshold(y, p, cost_false_positive=cost)
    assert chosen == pytest.approx(cost / (1 + cost), abs=0.03)
