"""The Titanic: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.features import Columns, Impute, OneHot, Scale
from tinygrad_ml.models import LogisticRegression


@pytest.fixture
def passengers():
    pytest.importorskip("sklearn")
    try:
        return tg.datasets.titanic()
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")


@pytest.mark.slow
def test_what_the_chapter_says(tmp_path):
    text = run(26, tmp_path, "--quick")
    assert "Cabin 687" in text
    assert numbers(r"(\S+)% survived: (\d+)% of the women and (\d+)% of the men", text) == [38.4, 74, 19]
    columns, features = numbers(r"(\d+) columns of a table became (\d+) features", text)
    assert (columns, features) == (11, 4 + 2 + 3 + 4)
    assert numbers(r"With crosses there are (\d+)", text) == [13 + 6 + 4]
    shares = {name: float(mean) for name, mean in re.findall(r"\n(.+): (\S+)% are judged correctly", text)}
    nobody, sex, logistic, crosses, network = shares.values()
    assert nobody == pytest.approx(61.6, abs=0.1)
    assert sex == pytest.approx(78.7, abs=0.1)
    assert sex - 1 < logistic < crosses
    assert network > sex - 1
    judged = re.findall(r"\n(.+) against (.+): (\S+) ± (\S+) points: (more than luck|it may be luck)", text)
    assert len(judged) == 5
    for better, worse, difference, error, verdict in judged:
        assert float(difference) == pytest.approx(shares[better] - shares[worse], abs=0.16)
        if abs(abs(float(difference)) - 2 * float(error)) > 0.2:
            assert (verdict == "more than luck") == (abs(float(difference)) > 2 * float(error))
    assert judged[0][-1] == "more than luck"
    (best, plus, worst, minus) = re.findall(r"\n(.+) speaks most .* \((.+)\), (.+) most against it \((.+)\)", text)[0]
    assert (best, worst) == ("Sex=male & Child=True", "Sex=male & Child=False")
    assert float(minus) < 0 < float(plus)


def test_exercise_1_log_odds(passengers):
    female = (passengers["Sex"] == "female").to_numpy()
    survived = passengers["Survived"].to_numpy()
    model = LogisticRegression(penalty=None, tol=1e-10).fit(female[:, None].astype(float), survived)
    odds = [share / (1 - share) for share in (survived[~female].mean(), survived[female].mean())]
    assert model.intercept_[0] == pytest.approx(np.log(odds[0]), abs=1e-4)
    assert model.coef_[0, 0] == pytest.approx(np.log(odds[1] / odds[0]), abs=1e-4)


def accuracies(columns, passengers, survived):
    """Return the accuracy on the passengers that a model knows, and in five folds."""
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(Columns(columns), LogisticRegression())
    folds = cross_val_score(model, passengers, survived, cv=StratifiedKFold(5, shuffle=True, random_state=0))
    return model.fit(passengers, survived).score(passengers, survived), folds.mean()


def test_exercise_2_a_flag_changes_little(passengers):
    survived = passengers.pop("Survived").to_numpy()
    others = {"Fare": Scale(), ("Sex", "Pclass"): OneHot()}
    found = [
        accuracies({"Age": [Impute("median", flag=flag), Scale()]} | others, passengers, survived)[1]
        for flag in (False, True)
    ]
    assert abs(found[1] - found[0]) < 0.02
    assert Columns({"Age": Impute("median", flag=True)}).fit_transform(passengers).shape == (891, 2)


def test_exercise_3_random_columns_flatter_the_known_and_harm_the_others(passengers):
    import pandas as pd

    survived = passengers.pop("Survived").to_numpy()
    columns = {"Age": [Impute("median"), Scale()], ("Sex", "Pclass"): OneHot()}
    known, folds = accuracies(columns, passengers, survived)
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(891, 100)), columns=[f"noise_{k}" for k in range(100)])
    names = tuple(noise.columns)
    more = accuracies(columns | {names: Scale()}, pd.concat([passengers, noise], axis=1), survived)
    assert more[0] > known + 0.01
    assert more[1] < folds - 0.01
