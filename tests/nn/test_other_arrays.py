"""Layers, losses, optimizers and loops on arrays of another library: the numbers of NumPy's, and their kind stays."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.device_array import DeviceArray
from tinygrad_ml import nn, optim

torch = pytest.importorskip("torch")  # the lists of layers and losses stand in the tests beside PyTorch's

from tests.nn.test_layers_pytorch import LAYERS  # noqa: E402
from tests.nn.test_losses_pytorch import LOSSES  # noqa: E402

pytestmark = [pytest.mark.usefixtures("float64", "forgotten_kinds"), pytest.mark.filterwarnings("ignore")]

random = np.random.default_rng(0)
X, LABELS = random.normal(size=(32, 3)), random.integers(0, 2, 32)


def on_device(module):
    """Move the parameters and buffers of a module, as users do; return it."""
    for thing in (*module.parameters(), *module.buffers()):
        thing.data = DeviceArray(thing.data)
    return module


def flat(out):
    if isinstance(out, (tuple, list)):
        return [part for item in out for part in flat(item)]
    return [out] if isinstance(out, tg.Tensor) else []


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        assert type(a.data) is DeviceArray
        np.testing.assert_allclose(a.data.get(), b.data, rtol=1e-9, atol=1e-11)


def assert_same_gradients(found, wanted):
    assert_same(
        [a.grad for a, b in zip(found, wanted) if b.grad is not None], [b.grad for b in wanted if b.grad is not None]
    )


def backward(outputs):
    terms = [(out * out + out).sum() for out in outputs]
    sum(terms[1:], terms[0]).backward()


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in LAYERS))
def test_layers(name):
    rows = [row for row in LAYERS if row[0] == name]
    for _, arguments, options, shapes in rows[:: max(1, len(rows) // 12)]:
        made = []
        for _ in range(2):
            tg.manual_seed(0)
            made.append(getattr(nn, name)(*arguments, **options).double())
        layer, twin = on_device(made[0]), made[1]
        arrays = [np.random.default_rng(1).normal(size=shape) for shape in shapes]
        xs = [tg.tensor(DeviceArray(x), requires_grad=True) for x in arrays]
        twins = [tg.tensor(x, requires_grad=True) for x in arrays]
        outs = []
        for module, inputs in ((layer, xs), (twin, twins)):
            tg.manual_seed(1)  # of dropout
            outs.append(flat(module(*inputs)))
            backward(outs[-1])
        assert_same(*outs)
        assert_same_gradients([*xs, *layer.parameters()], [*twins, *twin.parameters()])
        assert_same(list(layer.buffers()), list(twin.buffers()))


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in LOSSES))
def test_losses(name):
    for _, options, arrays, wanted in [row for row in LOSSES if row[0] == name]:
        for reduction in ("mean", "none"):
            loss = getattr(nn, name)(reduction=reduction, **options)
            twins = [tg.tensor(x, requires_grad=k in wanted) for k, x in enumerate(arrays)]
            expected = loss(*twins)
            backward([expected])
            for targets in (DeviceArray, np.asarray):  # what has no gradient may come from the host
                xs = [
                    tg.tensor(DeviceArray(x), requires_grad=True) if k in wanted else targets(x)
                    for k, x in enumerate(arrays)
                ]
                found = loss(*xs)
                backward([found])
                assert_same([found], [expected])
                assert_same_gradients([xs[k] for k in wanted], [twins[k] for k in wanted])


@pytest.mark.parametrize("indices", [DeviceArray([[0, 2], [2, 1]]), np.array([[0, 2], [2, 1]])], ids=["device", "host"])
@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"sparse": True}, {"scale_grad_by_freq": True}])
def test_an_embedding(indices, options):
    table = nn.Embedding(4, 3, **options)
    twin = copy.deepcopy(table)
    on_device(table)
    backward([table(indices)])
    backward([twin(np.array([[0, 2], [2, 1]]))])
    wanted = twin.weight.grad
    wanted = wanted.numpy()
    assert type(table.weight.grad.data) is DeviceArray
    np.testing.assert_allclose(table.weight.grad.data.get(), wanted)


def network():
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "l1": 0.01}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5}),
    ("Adagrad", {"lr": 0.1}),
    ("Adadelta", {"lr": 1.0}),
    ("LBFGS", {"lr": 0.5, "max_iter": 3}),
    ("LBFGS", {"line_search_fn": "strong_wolfe", "max_iter": 3}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_a_loop_by_hand(name, options):
    models, optimizers = (on_device(network()), network()), []
    for model, move in zip(models, (DeviceArray, np.asarray)):
        optimizer = getattr(optim, name)(model.parameters(), **options)
        optimizers.append(optimizer)
        x, y = tg.tensor(move(X)), move(LABELS)
        tg.manual_seed(1)

        def closure(model=model, optimizer=optimizer, x=x, y=y):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(x), y)
            loss.backward()
            optim.clip_grad_norm_(model.parameters(), 0.5)
            return loss

        for _ in range(3):
            if name == "LBFGS":
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
    assert_same([*models[0].parameters(), *models[0].buffers()], [*models[1].parameters(), *models[1].buffers()])
    if name != "LBFGS":
        optimizers[0].load_state_dict(optimizers[1].state_dict())  # from the host
        optimizers[0].load_state_dict(optimizers[0].state_dict())


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 0, 3.0, math.inf, -1.0])
def test_clipping(norm_type):
    totals, gradients = [], []
    for move in (DeviceArray, np.asarray):
        ps = [tg.tensor(move(np.array(v)), requires_grad=True) for v in ([3.0, -4.0], [[1.0]])]
        sum((p * p).sum() for p in ps).backward()
        totals.append(optim.clip_grad_norm_(ps, 1.0, norm_type).item())
        optim.clip_grad_value_(ps, 0.4)
        gradients.append([p.grad for p in ps])
    assert totals[0] == pytest.approx(totals[1])
    assert_same(*gradients)


def test_a_parameter_that_is_moved_after_the_optimizer_was_made():
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    on_device(model)
    model(tg.tensor(DeviceArray(X))).sum().backward()
    with pytest.raises(RuntimeError, match=r"0\.weight is now tests.DeviceArray of .*make a new optimizer"):
        sgd.step()


@pytest.mark.parametrize("as_tensors", [False, True])
def test_fit(as_tensors, tmp_path):
    histories, weights = [], []
    for move in (DeviceArray, np.asarray):
        model = network() if move is np.asarray else on_device(network())
        adam = optim.Adam(model.parameters(), lr=0.01)
        data = (tg.tensor(move(X)), tg.tensor(move(LABELS))) if as_tensors else (move(X), move(LABELS))
        tg.manual_seed(1)
        callbacks = [
            tg.train.Checkpoint(tmp_path / f"{move.__name__}.npz"),
            tg.train.EarlyStopping(patience=5),
            tg.train.Doctor(),
        ]
        options = {"batch_size": 8, "seed": 0, "callbacks": callbacks, "metrics": ["accuracy"], "progress": False}
        history = tg.train.fit(model, nn.CrossEntropyLoss(), adam, data, epochs=3, validation=data, **options)
        histories.append(history)
        weights.append(list(model.parameters()))
    for column in ("loss", "validation_loss", "validation_accuracy"):
        np.testing.assert_allclose(histories[0][column], histories[1][column], rtol=1e-9)
    assert_same(*weights)


def test_a_divergence_is_explained():
    model = on_device(network())
    broken = X.copy()
    broken[5, 1] = np.nan
    sgd = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(tg.train.Diverged, match="The input x has nan in row 5"):
        tg.train.fit(
            model, nn.CrossEntropyLoss(), sgd, (DeviceArray(broken), DeviceArray(LABELS)), epochs=1, shuffle=False
        )


def test_states_of_modules(tmp_path):
    model, twin = on_device(network()), network()
    assert {type(value) for value in model.state_dict().values()} == {DeviceArray}
    model.load_state_dict({name: value + 1 for name, value in twin.state_dict().items()})  # from the host
    assert_same([p - 1 for p in model.parameters()], list(twin.parameters()))
    tg.save(model, tmp_path / "model.npz")
    twin.load_state_dict(tg.load(tmp_path / "model.npz"))
    assert_same(list(model.parameters()), list(twin.parameters()))
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.float().double()):
        assert {type(p.data) for p in copied.parameters()} == {DeviceArray}
    assert type(nn.init.xavier_uniform_(model[0].weight).data) is DeviceArray
