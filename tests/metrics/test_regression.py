"""The metrics of numbers equal scikit-learn's on random cases."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.metrics.scikit_learn import compare, hypothesis, many, pd, peer, st
from tinygrad_ml import metrics

NAMES = ["mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score"]
few = st.sampled_from([-1.5, 0.0, 1.0, 2.0])  # constant targets and perfect predictions happen
free = st.floats(-100, 100).map(lambda v: round(v, 3))


@st.composite
def cases(draw, outputs):
    """Draw y_true, y_pred and sample_weight."""
    n, values = draw(st.integers(1, 10)), draw(st.sampled_from([few, free, st.integers(-3, 3)]))
    shape = n if outputs == 1 else n * outputs
    both = [np.array(draw(st.lists(values, min_size=shape, max_size=shape))) for _ in range(2)]
    if outputs > 1:
        both = [y.reshape(n, outputs) for y in both]
    dtype = draw(st.sampled_from([None, np.float32]))
    both = [y.astype(dtype or y.dtype) for y in both]
    if outputs == 1:
        both = [draw(st.sampled_from([np.array, pd.Series, np.ndarray.tolist, lambda y: y[:, None]]))(y) for y in both]
    weight = draw(st.none() | st.lists(st.sampled_from([0.0, 0.3, 2.0]), min_size=n, max_size=n).filter(any))
    return *both, weight


@pytest.mark.parametrize("name", NAMES)
@hypothesis.given(cases(1))
@many
def test_one_output(name, case):
    y_true, y_pred, weight = case
    compare(name, y_true, y_pred, sample_weight=weight)


@pytest.mark.parametrize("name", NAMES)
@hypothesis.given(cases(2), st.sampled_from(["raw_values", "uniform_average", [0.25, 3.0]]))
@many
def test_several_outputs(name, case, multioutput):
    y_true, y_pred, weight = case
    compare(name, y_true, y_pred, sample_weight=weight, multioutput=multioutput)


@hypothesis.given(cases(2), st.sampled_from(["raw_values", "variance_weighted", None]), st.booleans())
@many
def test_r2_with_a_constant_target(case, multioutput, force_finite):
    y_true, y_pred, weight = case
    compare("r2_score", y_true, y_pred, sample_weight=weight, multioutput=multioutput, force_finite=force_finite)


def test_tensors_are_numbers_too():
    y_true, y_pred = tg.tensor([1.0, 2.0, 4.0]), tg.tensor([1.0, 3.0, 3.0], requires_grad=True)
    assert metrics.mean_absolute_error(y_true, y_pred) == pytest.approx(2 / 3)
    assert metrics.r2_score(y_true, y_pred) == pytest.approx(peer.r2_score([1, 2, 4], [1, 3, 3]), rel=1e-6)
