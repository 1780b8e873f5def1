"""Denoising: an output for each pixel, a number or one of the values that it may have."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import DenoisingAutoencoder, MLPRegressor, SoftmaxRegression
from tinygrad_ml.testing import gradcheck

random = np.random.default_rng(0)
BARS = np.zeros((6, 5, 5))
for i in range(3):
    BARS[i, i + 1], BARS[i + 3, :, i + 1] = 1, 1
CLEAN = BARS[random.integers(6, size=200)]
NOISY = CLEAN + 0.4 * random.normal(size=CLEAN.shape)
QUICK = {"learning_rate": 0.01, "max_iter": 40, "tol": 0, "random_state": 0}
NUMBERS = DenoisingAutoencoder((16,), **QUICK)
CLASSES = DenoisingAutoencoder((16,), pixels="classes", **QUICK)
BOTH = [NUMBERS, CLASSES]


def copy_of(model):
    return tg.models.estimator.clone(model)


@pytest.mark.parametrize("model", BOTH, ids=repr)
def test_the_noise_is_taken_away(model):
    model = copy_of(model).fit(NOISY[:150], CLEAN[:150])
    cleaned = model.predict(NOISY[150:])
    assert ((cleaned - CLEAN[150:]) ** 2).mean() < 0.15 * ((NOISY[150:] - CLEAN[150:]) ** 2).mean()
    assert model.score(NOISY[150:], CLEAN[150:]) > 0.8


@pytest.mark.parametrize("model", BOTH, ids=repr)
@pytest.mark.parametrize("shape", [(25,), (5, 5), (1, 5, 5)], ids=str)
def test_cleaned_images_have_the_shape_of_clean_ones(model, shape):
    noisy, clean = NOISY.reshape(-1, *shape), CLEAN.reshape(-1, *shape)
    model = copy_of(model).fit(noisy, clean)
    assert model.predict(noisy[:3]).shape == (3, *shape)
    other = copy_of(model).fit(NOISY, CLEAN)
    np.testing.assert_array_equal(other.predict(NOISY).reshape(-1, *shape), model.predict(noisy))
    assert model.score(noisy, clean) == pytest.approx(other.score(NOISY, CLEAN))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(noisy), model.predict(noisy))


def test_predictions_stay_in_the_range_of_clean_pixels():
    cleaned = copy_of(NUMBERS).fit(NOISY, CLEAN).predict(3 * NOISY)
    assert cleaned.min() == 0
    assert cleaned.max() == 1


@pytest.mark.parametrize("dtype", [np.uint8, int, float, bool])
def test_classes_are_the_values_of_clean_pixels(dtype):
    clean = (3 * CLEAN).astype(dtype)
    model = copy_of(CLASSES).fit(NOISY, clean)
    np.testing.assert_array_equal(model.levels_, np.unique(clean))
    assert model.predict(NOISY).dtype == clean.dtype
    chances = model.predict_proba(NOISY[:4])
    assert chances.shape == (4, 5, 5, 2)
    np.testing.assert_allclose(chances.sum(axis=-1), 1)
    np.testing.assert_array_equal(model.levels_[chances.argmax(axis=-1)], model.predict(NOISY[:4]))


def test_a_pixel_of_its_own_is_softmax_regression():
    """Without hidden layers the classes of each pixel are a softmax regression on all pixels."""
    pixels = np.digitize(NOISY[:, :2, 0], [-0.3, 0.3])
    x = random.normal(size=(200, 3)) + NOISY[:, :3, 0]
    both = DenoisingAutoencoder((), pixels="classes", alpha=0.0, random_state=0, learning_rate=0.05, batch_size=None)
    both.set_params(max_iter=2000, tol=0).fit(x, pixels)
    for i in range(2):
        alone = SoftmaxRegression(penalty=None).fit(x, pixels[:, i])
        np.testing.assert_allclose(both.predict_proba(x)[:, i], alone.predict_proba(x), atol=1e-4)


def test_numbers_are_those_of_an_mlp():
    rows, clean = NOISY.reshape(200, 25), CLEAN.reshape(200, 25)

    class Plain(MLPRegressor):
        learns_in_units = False  # pixels are not of any size, as other numbers are

    plain = Plain((16,), **QUICK).fit(rows, clean)
    np.testing.assert_array_equal(np.clip(plain.predict(rows), 0, 1), copy_of(NUMBERS).fit(rows, clean).predict(rows))


@pytest.mark.parametrize("model", BOTH, ids=repr)
def test_the_gradient_of_the_loss(model):
    model = copy_of(model).build(25, 25 if model.pixels == "numbers" else 50)
    target = CLEAN[:3].reshape(3, 25).astype(int if model.pixels == "classes" else float)
    for weight in ((), (np.array([0.5, 1.0, 2.0]),)):
        assert gradcheck(lambda x, weight=weight: model.criterion(model(x), target, *weight), NOISY[:3], params=model)


@pytest.mark.parametrize("model", BOTH, ids=repr)
def test_weights_count_as_repetitions(model):
    target, weight = CLEAN.reshape(200, 25), np.arange(200) % 3
    model = copy_of(model).fit(NOISY, CLEAN)
    position = target.astype(int) if model.pixels == "classes" else target
    weighted = model.criterion(model(tg.tensor(NOISY)), position, weight / weight.mean()).item()
    rows = np.repeat(np.arange(200), weight)
    assert weighted == pytest.approx(model.criterion(model(tg.tensor(NOISY[rows])), position[rows]).item(), rel=1e-9)
    assert copy_of(model).fit(NOISY, CLEAN, weight).score(NOISY, CLEAN) > 0.8


@pytest.mark.parametrize("model", BOTH, ids=repr)
@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_other_ways_to_fit(model):
    model = copy_of(model).set_params(early_stopping=True, warm_start=True)
    model.fit(NOISY, CLEAN, validation=(NOISY[:50], CLEAN[:50]))
    assert len(model.history_["validation_loss"]) == len(model.history_["loss"])
    first = model.history_["loss"][0]
    assert model.fit(NOISY, CLEAN).history_["loss"][0] < first
    model.set_params(early_stopping=False).partial_fit(NOISY, CLEAN)
    assert model.predict(NOISY).shape == CLEAN.shape


@pytest.mark.parametrize("model", BOTH, ids=repr)
def test_a_network_that_learns_nothing_says_so(model):
    with pytest.warns(UserWarning, match="the loss has hardly changed"):
        copy_of(model).set_params(tol=1e-4, learning_rate=1e-9, max_iter=100).fit(NOISY, CLEAN)


@pytest.mark.parametrize("pixels", ["numbers", "classes"])
def test_the_loss_of_constant_outputs(pixels):
    model = copy_of(NUMBERS).set_params(pixels=pixels)
    target = CLEAN.reshape(200, 25) if pixels == "numbers" else CLEAN.reshape(200, 25).astype(int)
    model.levels_, weight = np.array([0, 1]), random.uniform(1, 2, 200)
    share = np.average(target, axis=0, weights=weight)
    output = np.tile(share, (200, 1))
    if pixels == "classes":
        output = np.log(np.maximum(np.concatenate([1 - output, output], axis=1), 1e-300))
    expected = model.criterion(tg.tensor(output), target, weight / weight.mean()).item()
    assert model.constant_loss(target, weight) == pytest.approx(expected, rel=1e-9)


WRONG = {
    "fractions": (
        NOISY,
        NOISY,
        "5000 different values; there must be from 2 to 256: round them, or choose",
    ),
    "one value": (NOISY, 0 * CLEAN, "have 1 different values"),
    "other length": (NOISY, CLEAN[:7], "X has 200, y 7"),
    "missing": (NOISY, np.where(CLEAN, np.nan, 0.0), "input y contains NaN"),
    "none": (NOISY, None, "requires y to be passed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_targets_that_cannot_be_used(name):
    noisy, clean, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        copy_of(CLASSES).fit(noisy, clean)


def test_values_that_are_new_are_named():
    model = copy_of(CLASSES).fit(NOISY, CLEAN)
    with pytest.raises(ValueError, match=r"clean pixels have the value 2.0, which is a new one"):
        model.partial_fit(NOISY, 2 * CLEAN)


def test_numbers_have_no_probabilities():
    with pytest.raises(AttributeError, match="pixels are numbers here: give pixels='classes'"):
        copy_of(NUMBERS).fit(NOISY, CLEAN).predict_proba(NOISY)
    assert not hasattr(NUMBERS, "predict_proba")
