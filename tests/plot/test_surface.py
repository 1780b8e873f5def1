"""The landscape has the heights of the loss, the path its points; a model comes back as it was."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

loss_surface = tg.plot.loss_surface


def bowl(w, b):
    return (w - 1) ** 2 + 3 * b**2 + 0.5


def contours(ax):
    """Return the points of the contours with the height that each has."""
    for c in ax.collections:
        if not getattr(c, "filled", True):
            for level, path in zip(c.levels, c.get_paths()):
                for x, y in path.vertices:
                    yield x, y, level


def path_of(ax):
    (line,) = (line for line in ax.lines if line.get_gid() == "path")
    return np.column_stack(line.get_data())


FORMS = {
    "two arguments": bowl,
    "an array of two": lambda p: bowl(p[0], p[1]),
    "unpacked": lambda p: bowl(*p),
    "NumPy": lambda w, b: np.square(w - 1) + 3 * np.square(b) + 0.5,
    "a Python number": lambda w, b: float(bowl(w, b)),
    "an array of one": lambda w, b: bowl(w, b).reshape(1, 1),
    "any number": lambda *p: bowl(*p),
    "defaults": lambda w, b, scale=1: scale * bowl(w, b),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_contours_have_the_heights_of_the_loss(name):
    ax = loss_surface(FORMS[name], (-2, 3), (-1, 2), points=41)
    found = np.array(list(contours(ax)))
    assert len(found) > 100
    np.testing.assert_allclose(bowl(found[:, 0], found[:, 1]), found[:, 2], rtol=0.02)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 3), (-1, 2))


def test_the_axes_are_called_as_the_arguments():
    ax = loss_surface(bowl, (0, 1), (0, 1), points=5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "b")
    ax = loss_surface(lambda theta: theta.sum(), (0, 1), (0, 1), points=5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("theta[0]", "theta[1]")


POINTS = [(2.0, 1.0), (1.5, 0.5), (1.2, 0.1)]
PATHS = {
    "pairs": POINTS,
    "an array": np.array(POINTS),
    "Tensors of two": [tg.tensor(p, requires_grad=True) for p in POINTS],
    "pairs of Tensors": [(tg.tensor(w), tg.tensor([[b]])) for w, b in POINTS],
    "columns": [np.array(p)[:, None] for p in POINTS],
    "a generator": (p for p in POINTS),
}


@pytest.mark.parametrize("name", PATHS)
def test_the_path_has_its_points_with_start_and_end(name):
    ax = loss_surface(bowl, (-2, 3), (-1, 2), path=PATHS[name], points=5)
    np.testing.assert_allclose(path_of(ax), POINTS, rtol=1e-6)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["path of 2 steps", "start", "end"]
    start, end = (line.get_xydata()[0] for line in ax.lines if line.get_label() in ("start", "end"))
    np.testing.assert_allclose([start, end], [POINTS[0], POINTS[-1]], rtol=1e-6)


def test_without_ranges_all_of_the_path_is_in_view():
    ax = loss_surface(bowl, path=POINTS, points=5)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < 1.2 < 2.0 < right
    assert bottom < 0.1 < 1.0 < top


def test_a_path_that_diverged_is_drawn_as_far_as_it_is_finite():
    ax = loss_surface(bowl, (-2, 3), (-1, 2), path=[*POINTS, (np.inf, 0), (np.nan, np.nan)], points=5)
    assert len(path_of(ax)) == 3


def test_the_path_of_an_optimizer():
    w = tg.tensor([-1.0, 1.0], requires_grad=True)
    adam, path = tg.optim.SGD([w], lr=0.1), [w.numpy().copy()]
    for _ in range(20):
        adam.zero_grad()
        bowl(w[0], w[1]).backward()
        adam.step()
        path.append(w.numpy().copy())
    ax = loss_surface(lambda p: bowl(p[0], p[1]), (-2, 3), (-1, 2), path=path)
    np.testing.assert_allclose(path_of(ax), path)


def test_three_dimensional_axes_have_a_surface_and_the_path_on_it():
    import matplotlib.pyplot as plt

    axes = plt.figure().add_subplot(projection="3d")
    assert loss_surface(bowl, (-2, 3), (-1, 2), path=POINTS, points=11, ax=axes) is axes
    (line,) = (line for line in axes.lines if line.get_gid() == "path")
    x, y, z = line.get_data_3d()
    np.testing.assert_allclose(z, bowl(x, y))
    assert axes.get_zlabel() == "loss"


@pytest.mark.parametrize("function", [lambda w, b: 0 * w, lambda w, b: tg.log(w), lambda w, b: tg.exp(20 * w)])
def test_flat_undefined_and_steep_losses_are_drawn(function):
    with np.errstate(all="ignore"):
        assert loss_surface(function, (-1, 1), (-1, 1), points=11).collections


# ---------------------------------------------------------------------- of a model


def network():
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))


def data():
    rng = np.random.default_rng(0)
    return tg.tensor(rng.normal(size=(20, 3))), tg.tensor(rng.normal(size=(20, 1)))


def state(model):
    values = {name: (id(p._data), p._data.tobytes(), p._version) for name, p in model.named_parameters()}
    values |= {name: b._data.tobytes() for name, b in model.named_buffers()}
    return values, [m.training for m in model.modules()], ["training" in vars(m) for m in model.modules()]


@pytest.mark.parametrize("directions", [1, 2])
def test_a_model_is_given_back_bit_for_bit(directions):
    model, (x, y) = network(), data()
    model[3].eval()
    before = state(model)
    loss_surface(lambda: nn.functional.mse_loss(model(x), y), model, directions=directions, points=5)
    assert state(model) == before
    assert all(p.grad is None for p in model.parameters())


def test_a_model_is_given_back_after_an_error():
    model, calls = network(), []

    def fails():
        calls.append(1)
        model.train()
        model(data()[0])  # writes the running statistics
        if len(calls) == 3:
            raise ZeroDivisionError
        return 1.0

    before = state(model)
    with pytest.raises(ZeroDivisionError):
        loss_surface(fails, model, points=5)
    assert state(model) == before


def test_a_graph_that_was_recorded_before_can_still_go_back():
    model, (x, y) = network().eval(), data()
    loss = nn.functional.mse_loss(model(x), y)
    loss_surface(lambda: nn.functional.mse_loss(model(x), y), model, points=3)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_an_optimizer_goes_on_with_the_parameters_that_it_keeps_in_its_own_memory():
    model, (x, y) = network(), data()
    adam = tg.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        adam.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        adam.step()
        before = model.state_dict()
        loss_surface(lambda: nn.functional.mse_loss(model(x), y), model, points=3)
        assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())
    assert any(not np.array_equal(v, network().state_dict()[k]) for k, v in before.items())


def test_the_middle_is_the_loss_of_the_model_as_after_training():
    model, (x, y) = network(), data()
    ax = loss_surface(lambda: nn.functional.mse_loss(model(x), y), model, points=5)
    expected = nn.functional.mse_loss(model.eval()(x), y).item()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"the model: {expected:.3g}"]


def test_one_direction_is_a_curve_through_the_model():
    model, (x, y) = network(), data()
    ax = loss_surface(lambda m: nn.functional.mse_loss(m(x), y), model, directions=1, points=11, reach=0.5)
    distance, heights = ax.lines[0].get_data()
    np.testing.assert_allclose(distance, np.linspace(-0.5, 0.5, 11))
    assert heights[5] == pytest.approx(nn.functional.mse_loss(model.eval()(x), y).item(), rel=1e-6)


def test_each_filter_of_a_direction_has_the_norm_of_the_filter_and_biases_stay():
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    start = model.state_dict()
    seen = []

    def loss():
        seen.append({name: np.array(p.numpy(), float) for name, p in model.named_parameters()})
        return 0.0

    loss_surface(loss, model=model, directions=1, points=3, reach=1.0)
    moved = {name: value - start[name] for name, value in seen[2].items()}  # at distance 1
    for name, way in moved.items():
        rows, own = way.reshape(len(way), -1), start[name].reshape(len(way), -1)
        if name.endswith("bias"):
            assert not way.any()
        else:
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.linalg.norm(own, axis=1), rtol=1e-5)


def test_the_same_seed_is_the_same_landscape_and_no_random_number_of_the_user_is_drawn():
    model, (x, y) = network(), data()

    def heights(seed):
        curve = loss_surface(lambda: nn.functional.mse_loss(model(x), y), model, directions=1, points=5, seed=seed)
        return curve.lines[0].get_ydata()

    tg.manual_seed(3)
    before = tg.rand(3).numpy()
    tg.manual_seed(3)
    first = heights(0)
    np.testing.assert_array_equal(tg.rand(3).numpy(), before)
    np.testing.assert_array_equal(heights(0), first)
    assert not np.array_equal(heights(1), first)


def test_a_loss_with_derivatives_inside_can_be_drawn():
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def residual():
        x = tg.tensor([[0.5], [1.0]], requires_grad=True)
        (slope,) = tg.autograd.grad(model(x).sum(), x, create_graph=True)
        return ((slope - 1) ** 2).mean()

    assert loss_surface(residual, model, points=3).collections


MISTAKES = [
    ("no ranges", lambda: loss_surface(bowl), ValueError, r"x_range=\(low, high\) is needed"),
    ("range", lambda: loss_surface(bowl, (1, 0), (0, 1)), ValueError, r"x_range=\(1, 0\) must be two numbers"),
    ("range of three", lambda: loss_surface(bowl, (0, 1), (0, 1, 2)), ValueError, "y_range="),
    ("path", lambda: loss_surface(bowl, (0, 1), (0, 1), [(1, 2, 3)]), ValueError, r"path has shape \(1, 3\)"),
    ("path of words", lambda: loss_surface(bowl, (0, 1), (0, 1), ["ab"]), ValueError, "must be a sequence of points"),
    ("three numbers", lambda: loss_surface(lambda a, b, c: a, (0, 1), (0, 1)), ValueError, "loss takes 3 arguments"),
    ("an array", lambda: loss_surface(lambda a, b: np.ones(3), (0, 1), (0, 1)), ValueError, r"of shape \(3,\)"),
    ("NaN", lambda: loss_surface(lambda a, b: np.nan, (0, 1), (0, 1), points=3), ValueError, "nowhere finite"),
    ("no function", lambda: loss_surface(3, (0, 1), (0, 1)), TypeError, "loss must be a function, not int"),
    ("directions", lambda: loss_surface(lambda: 0.0, network(), directions=3), ValueError, "must be 1 or 2"),
    ("no model", lambda: loss_surface(bowl, (0, 1), (0, 1), directions=2), TypeError, "is for a model"),
    ("both", lambda: loss_surface(lambda: 0.0, network(), path=POINTS), TypeError, "without a model"),
    ("frozen", lambda: loss_surface(lambda: 0.0, nn.ReLU()), ValueError, "ReLU has no parameters to move"),
    ("not a model", lambda: loss_surface(bowl, model=3), TypeError, "model must be a Module"),
    ("a loss module", lambda: loss_surface(nn.MSELoss(), network()), TypeError, "write lambda: loss.model.x., y."),
    ("arguments", lambda: loss_surface(bowl, network()), ValueError, "it must take none, or the model"),
]


@pytest.mark.parametrize(("name", "call", "error", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_what_is_wrong_is_said(name, call, error, message):
    with pytest.raises(error, match=f"loss_surface: .*{message}"):
        call()
