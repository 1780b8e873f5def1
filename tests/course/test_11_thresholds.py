"""Thresholds: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml import metrics

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(11, tmp_path)
    assert numbers(r"the model: accuracy (.+), precision (.+), recall (.+)\.\n", text) == [
        0.91,
        0.5,
        0.11,
    ]  # the course's
    assert numbers(r"always benign: accuracy (.+), precision (.+), recall (.+)\.\n", text) == [0.91, 0, 0]
    assert "[[90  1]\n [ 8  1]]" in text
    (auc,) = numbers(r"AUC: (.+?)\. So", text)
    assert numbers(r"pairs it is (.+)\.\n", text) == [auc]
    assert numbers(r"100 p - 7: \[(\S+) +(\S+) +(\S+)\]", text) == [auc] * 3
    found = re.findall(
        r"costs (\d+) false alarms: threshold (.+); (\d+) false alarms, (\d+) missed of .*, recall (.+)\.\n", text
    )
    cuts, missed = [float(row[1]) for row in found], [int(row[3]) for row in found]
    assert cuts == sorted(cuts, reverse=True)
    assert missed == sorted(missed, reverse=True)
    kinds = {
        n: numbers(rf"{n}: AUC (.+); at 0\.5 recall (.+), precision (.+)\.\n", text)
        for n in ("separated", "overlapping", "rare")
    }
    assert kinds["separated"] == [1, 1, 1]
    assert kinds["rare"][0] == pytest.approx(kinds["overlapping"][0], abs=0.05)
    assert kinds["rare"][2] < 0.2 < 0.7 < kinds["overlapping"][2]


def test_exercise_1_by_hand():
    truth, said = np.repeat([1, 0, 1, 0], [1, 1, 8, 90]), np.repeat([1, 1, 0, 0], [1, 1, 8, 90])
    assert metrics.accuracy_score(truth, said) == pytest.approx(91 / 100)
    assert metrics.precision_score(truth, said) == pytest.approx(1 / 2)
    assert metrics.recall_score(truth, said) == pytest.approx(1 / 9)
    assert metrics.f1_score(truth, said) == pytest.approx(2 / (2 + 9))


def test_exercise_2_nine_of_ten_alarms_are_false():
    truth = np.repeat([1, 0], [1000, 999_000])
    said = np.concatenate([np.repeat([1, 0], [990, 10]), np.repeat([1, 0], [9990, 989_010])])
    assert metrics.precision_score(truth, said) == pytest.approx(0.09, abs=0.001)


def test_exercise_3_the_best_f1_is_worth_less_on_new_data_on_average():
    random = np.random.default_rng(0)
    lost = []
    for _ in range(30):
        y = random.integers(0, 2, size=(2, 100))
        p = 1 / (1 + np.exp(-random.normal(loc=2 * y - 1)))
        cut = max(p[0], key=lambda c: metrics.f1_score(y[0], p[0] >= c))
        lost.append(metrics.f1_score(y[0], p[0] >= cut) - metrics.f1_score(y[1], p[1] >= cut))
    assert np.mean(lost) > 0
