"""Features: what the chapter says, and the answers to its exercises."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml.features import Hash, OneHot, Scale
from tinygrad_ml.models import LinearRegression

pytestmark = pytest.mark.slow
pd = pytest.importorskip("pandas")


def test_what_the_chapter_says(tmp_path):
    text = run(7, tmp_path)
    alone, ratio = numbers(r"Rooms alone: (.+); rooms per person, .*: (.+)\.\n", text)
    assert ratio > alone
    (correlation,) = numbers(r"The price and median_income: correlation \+([\d.]+)\.\n", text)
    assert correlation == pytest.approx(0.688, abs=0.01)  # of all block groups, by pandas
    low, high = numbers(r"between (.+) and (.+) block groups", text)
    assert high < 1.1 * low
    errors = [float(x) for x in re.findall(r"an error of (.+) thousand", text)]
    assert min(errors[:4]) > errors[-1]  # the cross
    assert errors[-1] < 0.75 * errors[0]
    assert numbers(r"behaviour and time: (.+) right", text)[0] < 0.65
    assert numbers(r"behaviour x time: (.+) right", text) == [1]
    shared = [int(x) for x in re.findall(r"columns: (\d+) share", text)]
    assert shared == sorted(shared, reverse=True)


def test_exercise_1_one_scale_for_both_parts():
    random = np.random.default_rng(0)
    train, test = random.normal(0, 1, size=(200, 1)), random.normal(3, 1, size=(200, 1))
    scale = Scale().fit(train)
    model = LinearRegression().fit(scale.transform(train), train[:, 0])
    right = model.predict(scale.transform(test))
    wrong = model.predict(Scale().fit_transform(test))  # the test part looks like the training part
    np.testing.assert_allclose(right, test[:, 0], atol=1e-6)
    assert np.abs(wrong - test[:, 0]).mean() > 2


def test_exercise_2_rare_and_unknown_categories():
    ports = pd.DataFrame({"port": ["S"] * 6 + ["C"] * 5 + ["Q"] * 2})
    encoder = OneHot(min_count=5, sparse=False).fit(ports)
    rare, unknown = encoder.transform(pd.DataFrame({"port": ["Q", "X"]}))
    names = list(encoder.get_feature_names_out())
    assert rare.sum() == 1
    assert "rare" in names[int(np.argmax(rare))]
    assert not np.array_equal(rare, unknown) or unknown.sum() == 1


def test_exercise_3_the_hash_is_the_same_everywhere():
    code = (
        "import pandas as pd; from tinygrad_ml.features import Hash; "
        "x = Hash(50, sparse=False).fit_transform(pd.DataFrame({'a': ['x', 'y', 'z']})); "
        "print(x.argmax(axis=1).tolist(), hash('x'))"
    )
    said = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": seed}
        )
        said.append(done.stdout.rsplit(" ", 1))
    assert (
        said[0][0]
        == said[1][0]
        == str(Hash(50, sparse=False).fit_transform(pd.DataFrame({"a": ["x", "y", "z"]})).argmax(axis=1).tolist())
    )
    assert said[0][1] != said[1][1]
