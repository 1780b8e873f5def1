"""Arrays of other libraries: every operation computes on what dispatches as NumPy's arrays do, forward and backward.

`DeviceArray` is such an array: it refuses to become an ndarray, and to meet one. Where there is a GPU, CuPy's own
arrays go through the same.
"""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.device_array import DeviceArray
from tests.numpy_functions.samples import CALLS
from tests.samples import SAMPLES

pytestmark = [
    pytest.mark.usefixtures("float64", "forgotten_kinds"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
TABLE = {name: row.operation for name, row in tg.autograd.OPERATIONS.items()}
NOT_ON_DEVICE_ARRAYS: set[str] = set()  # operations that need NumPy itself


def function_of(name):
    for room in (tg, tg.linalg, tg.fft):
        if name in TABLE or hasattr(room, name):
            return TABLE.get(name) or getattr(room, name)
    raise LookupError(name)


def moved(thing, move):
    """Return parameters with their arrays moved, in tuples too."""
    if type(thing) is tuple:
        return tuple(moved(part, move) for part in thing)
    return move(thing) if isinstance(thing, np.ndarray) else thing


def tensors(inputs, move):
    """Return inputs as Tensors of moved arrays; floating ones require a gradient."""
    return [
        tg.tensor(move(np.asarray(x)), requires_grad=x.dtype.kind in "fc")
        if isinstance(x, (np.ndarray, np.generic))
        else x
        for x in inputs
    ]


def parts(out):
    if isinstance(out, tg.Tensor):
        return [out]
    return [part for item in out for part in parts(item)] if isinstance(out, (tuple, list)) else []


NO_SIGN = {"eigh", "svd"}  # vectors that may be turned: only what does not depend on that is compared


def loss_of(outputs, turned=False):
    """Return one real number of all outputs, whose gradient is different everywhere; None if none has one."""
    terms = [
        (tg.abs(o) ** 2 if o.dtype.kind == "c" else o**4 if turned else o * o + o).sum()
        for o in outputs
        if o.requires_grad
    ]
    return sum(terms[1:], terms[0]) if terms else None


def gradients_of(outputs, inputs, record=False, turned=False):
    leaves = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    return tg.autograd.grad(loss_of(outputs, turned), leaves, create_graph=record, allow_unused=True)


def check(found, wanted, kind, fetch, rtol=1e-9):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        assert (a is None) == (b is None)
        if b is not None:
            assert type(a.data) is kind
            np.testing.assert_allclose(
                fetch(a.data), b.numpy(), rtol=rtol, atol=rtol * max(1, np.abs(b.numpy()).max(initial=0))
            )


def check_sample(name, sample, kind, move, fetch, parameters, rtol=1e-9, order=1):
    """Compare values and gradients of an operation on another kind of array with those on NumPy's."""
    function = function_of(name)
    inputs, twins = tensors(sample.inputs, move), tensors(sample.inputs, np.array)
    out, wanted = parts(function(*inputs, **parameters)), parts(function(*twins, **sample.parameters))
    turned = name in NO_SIGN
    check(*([abs(o.detach()) for o in found] if turned else found for found in (out, wanted)), kind, fetch, rtol)
    if loss_of(wanted) is None:
        return
    try:
        expected = gradients_of(wanted, twins, order == 2, turned)
    except (RuntimeError, ArithmeticError, ValueError):  # there is none at this point
        return
    first = gradients_of(out, inputs, order == 2, turned)
    check(first, expected, kind, fetch, rtol)
    if order == 2:
        first, expected = ([g for g in found if g is not None] for found in (first, expected))
        if loss_of(expected) is not None:
            check(gradients_of(first, inputs), gradients_of(expected, twins), kind, fetch, 100 * rtol)


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - NOT_ON_DEVICE_ARRAYS))
def test_an_operation_stays_on_the_device_forward_and_backward(name):
    for sample in SAMPLES[name]:
        on_device = moved(tuple(sample.parameters.items()), DeviceArray)
        for parameters in (sample.parameters, dict(on_device)):
            check_sample(name, sample, DeviceArray, DeviceArray, DeviceArray.get, parameters)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - NOT_ON_DEVICE_ARRAYS))
def test_second_derivatives_stay_on_the_device(name):
    for sample in [s for s in SAMPLES[name] if s.smooth][:8]:
        check_sample(name, sample, DeviceArray, DeviceArray, DeviceArray.get, sample.parameters, order=2)


def test_all_operations_but_a_handful_work():
    assert len(NOT_ON_DEVICE_ARRAYS) <= 5
    assert not NOT_ON_DEVICE_ARRAYS - SAMPLES.keys()


# ---------------------------------------------------------------------- the stand-in is strict


def test_the_stand_in_becomes_no_ndarray_and_meets_none():
    x = DeviceArray([1.0, 2.0])
    for meet in (
        lambda: np.asarray(x),
        lambda: np.zeros(2).__setitem__(slice(None), x),
        lambda: x + np.ones(2),
        lambda: np.ones(2) * x,
        lambda: np.exp(x, out=np.ones(2)),
        lambda: x[np.array([0])],
        lambda: np.concatenate([x, np.ones(2)]),
        lambda: np.where(x > 1, x, np.ones(2)),
    ):
        with pytest.raises(TypeError):
            meet()


# ---------------------------------------------------------------------- by public names


def device(*elements, **options):
    return tg.tensor(DeviceArray(np.array(elements, float)), **options)


def test_a_tensor_keeps_the_kind_of_its_array():
    array = DeviceArray([1.0, 2.0])
    x = tg.tensor(array, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    for tensor in (x, y, x.grad, x.detach(), tg.as_tensor(array), x.astype("float32"), x[0], x.copy()):
        assert type(tensor.data) is DeviceArray
    assert x.grad.tolist() == [2.0, 4.0]
    array[0] = 5.0  # the caller's, of which the Tensor has a copy
    assert x.tolist() == [1.0, 2.0]


def test_a_parameter_is_moved_there_and_back():
    layer = tg.nn.Linear(2, 1)
    weights = layer.weight.numpy().copy()
    for p in layer.parameters():
        p.data = DeviceArray(p.data)
    layer(device(1.0, 2.0).reshape(1, 2)).sum().backward()
    assert type(layer.weight.data) is type(layer.weight.grad.data) is DeviceArray
    assert layer.weight.grad.tolist() == [[1.0, 2.0]]
    layer.weight.data = layer.weight.data.get()
    assert type(layer.weight.data) is np.ndarray
    np.testing.assert_array_equal(layer.weight.numpy(), weights)


def test_a_write_between_forward_and_backward_is_noticed():
    def by_item(w):
        w.data[0] = 7.0

    def by_operator(w):
        w.data -= 0.5

    for write in (by_item, by_operator):
        w = device(1.0, 2.0, requires_grad=True)
        w.data  # noqa: B018  # the write goes to what this exposes
        y = (w * w).sum()
        write(w)
        with pytest.raises(RuntimeError, match="was changed after"):
            y.backward()


def test_what_the_caller_writes_to_later_changes_no_gradient():
    w, factor = device(3.0, 4.0, requires_grad=True), DeviceArray([1.0, 2.0])
    y = (w * factor).sum()
    factor[0] = 50.0
    y.backward()
    assert w.grad.tolist() == [1.0, 2.0]
    result = w * 2
    result.data[0] = 9.0  # a copy
    assert result.tolist() == [6.0, 8.0]


def test_gradients_share_no_memory():
    a, b = device(1.0, 2.0, requires_grad=True), device(3.0, 4.0, requires_grad=True)
    (a + b).sum().backward()
    a.grad.data[0] = 100.0
    assert b.grad.tolist() == [1.0, 1.0]
    x = device(1.0, 2.0, requires_grad=True)
    x.reshape(2, 1).sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_numbers_lists_and_arrays_from_the_host_are_moved():
    x = device(1.0, 2.0)
    for other in (2.0, np.float64(2.0), [2.0, 2.0], np.array([2.0, 2.0])):
        for product in (x * other, other * x):
            assert type(product.data) is DeviceArray
            assert product.tolist() == [2.0, 4.0]
    assert x[np.array([1, 0])].tolist() == x[[1, 0]].tolist() == x[DeviceArray([1, 0])].tolist() == [2.0, 1.0]
    assert np.where([True, False], x, 0.0).tolist() == [1.0, 0.0]
    assert tg.nn.functional.embedding(np.array([1, 1]), x.reshape(2, 1)).tolist() == [[2.0], [2.0]]


def all_parts(thing):
    if isinstance(thing, (tuple, list)):
        return [part for item in thing for part in all_parts(item)]
    return [thing]


def check_call(function, arrays, kind, move, get):
    twins, inputs = ([tg.tensor(to(a), requires_grad=True) for a in arrays] for to in (np.array, move))
    wanted, found = all_parts(function(*twins)), all_parts(function(*inputs))
    check([o.detach() for o in found], [o.detach() for o in wanted], kind, get)
    check(gradients_of(found, inputs), gradients_of(wanted, twins), kind, get, rtol=1e-7)


@pytest.mark.parametrize("name", CALLS)
def test_numpys_other_functions_stay_on_the_device(name):
    for function, *arrays in CALLS[name]:
        check_call(function, arrays, DeviceArray, DeviceArray, DeviceArray.get)


@pytest.mark.parametrize(
    "meet",
    [
        *(np.matmul, np.dot, np.inner, np.outer, np.vdot, np.kron, np.tensordot, np.vecdot, tg.linalg.solve),
        *(np.maximum, np.allclose, np.isin, np.array_equal, np.append, lambda x, y: np.concatenate([x, y])),
        *(
            lambda x, y: np.block([[x, y]]),
            lambda x, y: np.column_stack([x, y]),
            lambda x, y: np.insert(x, 1, y, axis=0),
        ),
    ],
)
@pytest.mark.parametrize("where", ["left", "right"])
def test_arrays_from_the_host_are_moved_to_what_is_beside_them(meet, where):
    numbers, others = np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 5.0], [4.0, 3.0]])
    x = tg.tensor(DeviceArray(numbers))
    found, wanted = (
        (meet(x, others), meet(numbers, others)) if where == "left" else (meet(others, x), meet(others, numbers))
    )
    if isinstance(wanted, (bool, np.bool_)):
        assert bool(found) == wanted
    else:
        assert type(found.data) is DeviceArray
        np.testing.assert_allclose(found.data.get(), wanted)


def test_tensors_of_different_kinds_do_not_meet():
    with pytest.raises(TypeError, match=r"multiply: numpy\.ndarray and tests\.DeviceArray do not meet: move the one"):
        device(1.0, 2.0) * tg.ones(2)


def test_nothing_becomes_an_ndarray_unasked():
    x = device(1.0, 2.0)
    for convert in (lambda: x.numpy(), lambda: np.asarray(x), lambda: tg.models.LinearRegression().fit(x, x)):
        with pytest.raises(TypeError, match="does not become an ndarray by itself"):
            convert()
    assert x.tolist() == [1.0, 2.0]
    assert (x.sum().item(), float(x[0]), bool(x.sum() > 2), len(x)) == (3.0, 1.0, True, 2)
    assert repr(x) == "tensor([1., 2.])"
    assert f"{x.sum():.2f}" == "3.00"


def test_tensors_of_another_kind_are_copied_and_pickled():
    x = device(1.0, 2.0, requires_grad=True)
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(twin.data) is DeviceArray
        assert twin.tolist() == [1.0, 2.0]
        assert twin.requires_grad


def test_new_tensors_like_one_are_of_its_kind():
    x = device(1.0, 2.0)
    for make in (
        tg.zeros_like,
        tg.ones_like,
        tg.empty_like,
        tg.rand_like,
        tg.randn_like,
        lambda x: tg.full_like(x, 2.0),
    ):
        assert type(make(x).data) is DeviceArray


def test_transforms_stay_on_the_device():
    x = DeviceArray([1.0, 2.0])
    function = lambda x: (x**3).sum()
    assert type(tg.grad(function)(x)) is DeviceArray  # arrays in, arrays out
    np.testing.assert_allclose(tg.grad(function)(x).get(), [3.0, 12.0])
    np.testing.assert_allclose(tg.hessian(function)(x).get(), [[6.0, 0.0], [0.0, 12.0]])
    np.testing.assert_allclose(tg.jacobian(lambda x: x**2)(x).get(), [[2.0, 0.0], [0.0, 4.0]])
    np.testing.assert_allclose(tg.hvp(function, x, DeviceArray([1.0, 0.0])).get(), [6.0, 0.0])
    assert tg.vmap(lambda row: (row * row).sum())(tg.tensor(DeviceArray(np.eye(2)))).tolist() == [1.0, 1.0]


def test_hooks_and_anomalies_are_seen_there():
    x = device(1.0, 0.0, requires_grad=True)
    y = x * 1.0
    y.register_hook(lambda g: g * 3)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    with tg.detect_anomaly(), np.errstate(divide="ignore"), pytest.raises(FloatingPointError, match="log gave -inf"):
        tg.log(x)
    x.grad = None
    with np.errstate(divide="ignore"):
        tg.where(x > 0, tg.log(x), 0.0).sum().backward()  # an infinite slope that is not taken
    assert x.grad.tolist() == [1.0, 0.0]


def test_arrays_that_convert_are_converted_as_before():
    class Converts:
        shape, dtype = (2,), np.dtype(float)

        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0], dtype)

        def __array_function__(self, *call):
            return NotImplemented

        def __array_ufunc__(self, *call):
            return NotImplemented

    assert type(tg.tensor(Converts()).data) is np.ndarray


def test_arrays_that_say_nothing_of_conversion_are_kept():
    class Plain(np.lib.mixins.NDArrayOperatorsMixin):
        def __init__(self, elements):
            self.elements = np.asarray(elements)

        shape, ndim, dtype, size = (
            property(lambda self, n=n: getattr(self.elements, n)) for n in ["shape", "ndim", "dtype", "size"]
        )

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return lambda *inputs, **named: Plain(getattr(self.elements, name)(*inputs, **named))

        def __setitem__(self, index, value):
            self.elements[index] = getattr(value, "elements", value)

        def __array_ufunc__(self, ufunc, method, *inputs, **named):
            return Plain(getattr(ufunc, method)(*[getattr(x, "elements", x) for x in inputs], **named))

        def __array_function__(self, function, types, inputs, named):
            return Plain(function(*[getattr(x, "elements", x) for x in inputs], **named))

    assert not hasattr(Plain, "__array__")
    x = tg.tensor(Plain([1.0, 2.0]), requires_grad=True)
    (x * x).sum().backward()
    assert type(x.grad.data) is Plain
    assert x.grad.data.elements.tolist() == [2.0, 4.0]


def test_more_of_numpys_functions_work_there():
    x = device(1.0, 4.0, 2.0, requires_grad=True)
    twin = tg.tensor([1.0, 4.0, 2.0], requires_grad=True)
    for function in (np.nanmean, np.diff, np.cov, np.trapezoid, np.unwrap, np.ptp, np.cumulative_sum, np.var):
        found, wanted = function(x), function(twin)
        assert type(found.data) is DeviceArray
        np.testing.assert_allclose(found.tolist(), wanted.tolist())
    assert type(np.histogram(x.detach())[0].data) is DeviceArray
    assert type(tg.array_api.std(x, correction=1).data) is DeviceArray


# ---------------------------------------------------------------------- on a GPU

NOT_IN_CUPY = {"roots"}  # eigenvalues of a matrix that is not symmetric


def test_every_operation_on_the_gpu(cupy):
    failed = {}
    for name in sorted(SAMPLES):
        for sample in SAMPLES[name]:
            try:
                check_sample(name, sample, cupy.ndarray, cupy.asarray, cupy.asnumpy, sample.parameters, 1e-7)
            except Exception as error:
                failed.setdefault(name, repr(error)[:300])
    assert not failed


def test_numpys_other_functions_on_the_gpu(cupy):
    failed = {}
    for name in CALLS.keys() - NOT_IN_CUPY:
        for function, *arrays in CALLS[name]:
            try:
                check_call(function, arrays, cupy.ndarray, cupy.asarray, cupy.asnumpy)
            except Exception as error:
                failed.setdefault(name, repr(error)[:300])
    assert not failed


def test_a_network_learns_on_the_gpu(cupy):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 1, 8, 8)), random.integers(0, 3, 64)
    nn, losses = tg.nn, []
    for move in (np.asarray, cupy.asarray):
        tg.manual_seed(0)
        layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
        model = nn.Sequential(*layers)
        for p in (*model.parameters(), *model.buffers()):
            p.data = move(p.data)
        adam = tg.optim.Adam(model.parameters(), lr=0.01)
        history = tg.train.fit(model, nn.CrossEntropyLoss(), adam, (move(x), move(y)), epochs=3, progress=False)
        assert isinstance(model[0].weight.data, type(move(x)))
        losses.append(history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-6)
