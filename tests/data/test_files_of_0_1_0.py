"""What version 0.1.0 saved loads: the weights of every layer, the states of optimizers, schedules and the generator."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.data_0_1_0 import make
from tinygrad_ml import nn

NAMES = Path(__file__).parents[1] / "package" / "public_names.txt"
LAYERS, TRAININGS = (tg.load(make.HERE / name) for name in ("layers.npz", "trainings.npz"))


@pytest.mark.parametrize("name", make.LAYERS)
def test_a_layer_takes_over_its_weights_and_computes_the_same(name):
    build, shapes = make.LAYERS[name]
    layer, saved = build(), LAYERS[name]
    assert list(layer.state_dict()) == list(saved["state"])
    assert layer.load_state_dict(saved["state"]) == ([], [])
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, saved["state"][key])
        assert value.dtype == saved["state"][key].dtype
    for found, expected in zip([] if shapes is None else make.outputs_of(layer, shapes), saved["output"], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_every_layer_with_weights_is_among_them():
    of_0_1_0 = set(re.findall(r"^(\w+)", NAMES.read_text().partition("[tg.nn]")[2].partition("\n[")[0], re.M))
    with_weights = {name for name, _ in inventory()} & of_0_1_0
    assert "Linear" in with_weights
    assert with_weights <= {type(part).__name__ for build, _ in make.LAYERS.values() for part in build().modules()}


def inventory():
    """Yield the classes of nn that make parameters of their own."""
    for name in nn.__all__:
        thing = getattr(nn, name)
        if isinstance(thing, type) and issubclass(thing, nn.Module) and "weight : Parameter" in (thing.__doc__ or ""):
            yield name, thing


@pytest.mark.parametrize("order", list(itertools.permutations(["net", "optimizer", "scheduler"])), ids=" ".join)
@pytest.mark.parametrize("name", make.OPTIMIZERS)
def test_training_goes_on_from_a_checkpoint(name, order):
    saved = TRAININGS[name]
    net, optimizer, scheduler, steps = make.training(name)
    parts = {"net": net, "optimizer": optimizer, "scheduler": scheduler}
    for part in order:
        parts[part].load_state_dict(saved["after 5"][part])
    tg.set_rng_state(saved["after 5"]["random"])
    steps(5)
    for key, value in net.state_dict().items():
        np.testing.assert_allclose(value, saved["after 10"][key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_plain_weights_load(ending):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    state = tg.load(make.HERE / f"weights{ending}")
    assert net.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(net[0].weight.numpy(), tg.load(make.HERE / "weights.npz")["0.weight"])
