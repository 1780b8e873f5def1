"""The doctor names each illness and its place, and nothing that is not there."""

import copy
import pickle
import sys
import warnings
from contextlib import suppress

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.train import healthy_networks, sick_networks
from tests.train.sick_networks import CE, MSE, PATIENTS, Parts, adam, blobs, mlp, patient, sgd
from tinygrad_ml import nn, optim
from tinygrad_ml.gradients import live_hooks
from tinygrad_ml.modes import modes, modes_set
from tinygrad_ml.train import Doctor, Finding, fit

# what one batch tells, before any step
AT_ONCE = {
    *("thirteen_sigmoid_layers", "small_weights_of_tanh", "small_weights_of_relu", "rounded_outputs"),
    *("large_weights_of_relu", "large_weights_that_overflow", "exploding_over_time", "forgetting_over_time"),
    *("cut_by_numpy", "never_used", "all_dead", "three_quarters_dead", "dead_channels", "dead_function"),
    *("saturated_tanh", "saturated_sigmoid", "equal_weights", "zero_weights", "constant_inputs"),
    *("logarithm_of_zero", "gradient_of_a_norm", "nan_in_the_data", "one_large_column", "years"),
    *(
        "weights_of_the_size_ten",
        "one_output_for_classes",
        "labels_from_one",
        "labels_of_both_signs",
        "softmax_before_the_loss",
    ),
}


def watched(case, seed=0):
    doctor = Doctor()
    options = {"seed": seed} | (case.options or {})
    options["callbacks"] = [doctor, *options.get("callbacks", ())]
    with suppress(tg.train.Diverged, IndexError, ValueError):  # the sick ones may
        fit(case.module, case.loss, case.optimizer, case.data, epochs=case.epochs, **options)
    return doctor


@pytest.mark.parametrize("name", PATIENTS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_it_names_the_illness_and_the_layer(name, seed):
    case = patient(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what `fit` says of the same data
        findings = watched(case, seed).findings
    right = [finding for finding in findings if finding.illness == case.illness]
    assert [finding.layer in case.layers for finding in right] == [True], findings
    assert not [finding for finding in findings if finding not in right], findings


@pytest.mark.parametrize("name", PATIENTS)
def test_one_batch_tells_what_is_there_before_the_first_step(name):
    case = patient(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = Doctor().examine(case.module, case.loss, tuple(part[:64] for part in case.data))
    if name in AT_ONCE:
        assert [finding.illness for finding in findings] == [case.illness], findings
        assert findings[0].layer in case.layers
    else:
        assert case.illness not in [finding.illness for finding in findings] or case.illness == "data not scaled"


@pytest.mark.parametrize("name", healthy_networks.RUNS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_it_finds_nothing_in_a_healthy_network(name, seed):
    case = healthy_networks.run(name, seed)
    assert Doctor().examine(case.module, case.loss, tuple(part[:32] for part in case.data)) == []
    assert watched(case, seed).findings == []


# ---------------------------------------------------------------------- numbers, beside closed forms


def test_the_gradient_at_the_bottom_of_thirteen_sigmoid_layers():
    case = patient("thirteen_sigmoid_layers")
    (finding,) = Doctor().examine(case.module, case.loss, case.data)
    case.module.zero_grad()
    case.loss(case.module(tg.tensor(case.data[0], dtype=np.float32)), case.data[1]).backward()
    np.testing.assert_allclose(finding.number, np.linalg.norm(case.module[0].weight.grad.numpy()), rtol=1e-4)


def test_the_share_of_dead_units():
    case = patient("three_quarters_dead")
    (finding,) = Doctor().examine(case.module, case.loss, case.data)
    x = tg.tensor(case.data[0], dtype=np.float32)
    with tg.no_grad():
        on = nn.Sequential(*list(case.module.children())[:4])(x).numpy() > 0
    assert finding.number == np.mean(~on.any(axis=0))


def test_the_chance_level_is_the_entropy_of_the_classes_or_the_variance():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2000, 8)), random.integers(0, 3, 2000)
    m = mlp(8, 4, 3, activation=nn.Tanh)
    doctor = Doctor()
    fit(m, CE(), adam(m, 3e-3), (x, y), epochs=5, callbacks=[doctor], seed=0)
    (finding,) = doctor.findings
    assert abs(finding.number - np.log(3)) < 0.03
    assert "log(3) = 1.1" in finding.meaning
    m = nn.Linear(8, 1)
    doctor = Doctor()
    fit(m, MSE(), sgd(m, 0.01), (x, 3 * random.normal(size=(2000, 1))), epochs=5, callbacks=[doctor], seed=0)
    (finding,) = doctor.findings
    assert abs(finding.number - 9) < 1.5
    assert "variance" in finding.meaning


def test_the_gradient_over_time_is_that_of_the_weights():
    rnn = nn.RNN(1, 1, nonlinearity="relu", batch_first=True)
    rnn.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[2.0]], "bias_ih_l0": [0.0], "bias_hh_l0": [0.0]})
    m = sick_networks.Last(rnn, 1)
    x = np.ones((4, 21, 1))
    found = Doctor().examine(m, MSE(), (x, x[:, 0]))
    explosion = next(finding for finding in found if finding.illness == "exploding gradient")
    np.testing.assert_allclose(explosion.number, 2.0**20, rtol=1e-5)


def test_the_update_is_relative_to_the_weights():
    m = nn.Linear(2, 1, bias=False)
    m.load_state_dict({"weight": [[3.0, 4.0]]})
    x, y = np.array([[1.0, 0.0]]), np.array([[2.0]])  # the gradient of (3 - 2)² is (2, 0)
    doctor = Doctor()
    fit(m, MSE(), optim.SGD(m.parameters(), lr=0.25), (x, y), epochs=1, callbacks=[doctor])
    update = doctor._record.samples[0].parameters["weight"].update
    np.testing.assert_allclose(update, 0.5 / 3)  # over what moved


def test_the_rate_is_named():
    doctor = watched(patient("rate_too_low"))
    assert doctor.findings[0].number == 1e-6
    assert "1e-06" in str(doctor)


# ---------------------------------------------------------------------- NaN: the operation and its line


@pytest.mark.parametrize("how", ["examine", "fit", "loop"])
def test_the_first_operation_that_is_not_finite_is_named_with_its_line(how):
    case = patient("logarithm_of_zero")
    if how == "examine":
        doctor = Doctor()
        doctor.examine(case.module, case.loss, case.data)
    else:
        doctor = watched(case) if how == "fit" else looped(case)
    (finding,) = doctor.findings
    assert (finding.illness, finding.layer, finding.number) == ("NaN or infinity", "1", -np.inf)
    assert "log gave -inf" in finding.meaning
    assert "sick_networks.py:" in finding.meaning


def test_a_gradient_that_is_not_finite_has_its_layer():
    class Root(nn.Module):
        def forward(self, x):
            return tg.sqrt(tg.abs(x) * 0) + x

    m = nn.Sequential(nn.Linear(8, 16), Root(), nn.Linear(16, 3))
    x, y = blobs(np.random.default_rng(0))
    (finding,) = Doctor().examine(m, CE(), (x, y))
    assert (finding.illness, finding.layer) == ("NaN or infinity", "1")
    assert "the gradient of sqrt" in finding.meaning


def test_nan_in_the_data_is_told_with_row_and_column():
    case = patient("nan_in_the_data")
    (finding,) = Doctor().examine(case.module, case.loss, case.data)
    assert "input x has nan in row 7, column 3" in finding.meaning


def test_nan_in_a_parameter_is_told_with_its_name():
    m = mlp(8, 4, 3)
    m[2].weight.data[0, 0] = np.nan
    (finding,) = Doctor().examine(m, CE(), blobs(np.random.default_rng(0)))
    assert finding.layer == "2"
    assert "'2.weight' holds nan" in finding.meaning


# ---------------------------------------------------------------------- a loop of one's own


def looped(case, loss=None, clear_first=True, epochs=None, **options):
    """Train by a hand-written loop."""
    loss = loss or case.loss
    x, y = (tg.tensor(part, dtype=np.float32) if part.dtype.kind == "f" else part for part in case.data)
    with Doctor(case.module, case.optimizer, **options) as doctor, np.errstate(all="ignore"):
        for _ in range(epochs or case.epochs):
            for i in range(0, len(x), 32):
                if clear_first:
                    case.optimizer.zero_grad()
                loss(case.module(x[i : i + 32]), y[i : i + 32]).backward()
                case.optimizer.step()
                if not clear_first:
                    case.optimizer.zero_grad()
            with tg.no_grad():
                case.module(x)
    return doctor


@pytest.mark.parametrize("clear_first", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        *("thirteen_sigmoid_layers", "large_weights_of_relu", "exploding_over_time", "cut_by_numpy", "never_used"),
        *("all_dead", "dead_function", "saturated_tanh", "equal_weights", "rate_too_high_for_tanh", "rate_too_low"),
        *("one_large_column", "one_slow_layer", "classes_without_a_reason", "softmax_before_the_loss"),
    ],
)
def test_it_names_the_illness_in_a_loop_of_ones_own(name, clear_first):
    case = patient(name)
    doctor = looped(case, clear_first=clear_first)
    assert [(f.illness, f.layer in case.layers) for f in doctor.findings] == [(case.illness, True)], doctor


@pytest.mark.parametrize("name", ["rate_too_high_for_tanh", "rate_too_low", "all_dead"])
def test_the_loss_may_be_a_function(name):
    case = patient(name)
    function = nn.functional.mse_loss if isinstance(case.loss, MSE) else nn.functional.cross_entropy
    assert [f.illness for f in looped(case, function).findings] == [case.illness]


@pytest.mark.parametrize(
    "name", ["linear", "logistic", "perceptron_with_ReLU", "convolutions_with_batch_norm", "recurrent_LSTM"]
)
def test_it_finds_nothing_in_a_healthy_loop(name):
    case = healthy_networks.run(name)
    assert looped(case).findings == []


def test_the_loop_is_left_as_it_was_after_an_error():
    m, hooks = mlp(2, 4, 1), set(live_hooks)

    def broken_loop():
        with Doctor(m) as doctor:
            m(tg.ones(3, 2))
            assert doctor._record.steps == 1
            raise KeyError("mine")

    with pytest.raises(KeyError):
        broken_loop()
    assert (modes.observer, modes.call_observer, set(live_hooks)) == (None, None, hooks)


def test_a_loop_needs_a_module():
    with pytest.raises(TypeError, match=r"with Doctor\(model\)"), Doctor():
        pass


# ---------------------------------------------------------------------- nothing is changed


def test_examining_changes_nothing():
    m = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 3))
    x, y = blobs(np.random.default_rng(0))
    CE()(m(tg.tensor(x, dtype=np.float32)), y).backward()
    m.eval()
    m[0].train()
    tg.manual_seed(3)
    state, grads = m.state_dict(), [p.grad for p in m.parameters()]
    training = [module.training for module in m.modules()]
    random = tg.get_rng_state()
    Doctor().examine(m, CE(), (x, y))
    assert all(np.array_equal(state[name], array) for name, array in m.state_dict().items())
    assert all(a is b for a, b in zip(grads, [p.grad for p in m.parameters()]))
    assert training == [module.training for module in m.modules()]
    assert random == tg.get_rng_state()


def test_a_watched_training_run_ends_with_the_same_weights():
    def weights(callbacks):
        case = healthy_networks.run("dropout")
        fit(case.module, case.loss, case.optimizer, case.data, epochs=3, seed=0, callbacks=callbacks)
        return case.module.state_dict()

    plain, observed = weights([]), weights([Doctor()])
    assert all(np.array_equal(plain[name], observed[name]) for name in plain)


def test_no_hooks_and_no_modes_stay():
    before = set(live_hooks), len(modes_set)
    watched(patient("all_dead"))
    watched(patient("logarithm_of_zero"))  # ends with an error
    assert (set(live_hooks), len(modes_set)) == before
    assert modes.call_observer is None


# ---------------------------------------------------------------------- as a callback, of estimators


def test_an_estimator_takes_it():
    x, y = blobs(np.random.default_rng(0))
    doctor = Doctor()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        tg.models.MLPClassifier((16,), callbacks=[doctor], max_iter=10, random_state=0).fit(x, y)
        assert doctor.findings == []
        tg.models.MLPClassifier((16,), callbacks=[doctor], max_iter=10, random_state=0).fit(x * 1000, y)
    assert [finding.illness for finding in doctor.findings] == ["data not scaled"]


def test_it_can_be_copied_and_pickled_with_what_it_found():
    doctor = watched(patient("all_dead"))
    for twin in (pickle.loads(pickle.dumps(doctor)), copy.deepcopy(doctor)):
        assert twin.findings == doctor.findings
        assert str(twin) == str(doctor)


def test_two_doctors_see_the_same():
    case = patient("three_quarters_dead")
    doctors = Doctor(), Doctor()
    fit(case.module, case.loss, case.optimizer, case.data, epochs=3, callbacks=doctors, seed=0)
    assert doctors[0].findings == doctors[1].findings != []


def test_findings_can_be_read_while_the_training_run_goes_on():
    seen = []

    class Reading(tg.train.Callback):
        def on_epoch_end(self, run):
            seen.append([finding.illness for finding in doctor.findings])

    case, doctor = patient("all_dead"), Doctor()
    fit(case.module, case.loss, case.optimizer, case.data, epochs=2, callbacks=[doctor, Reading()], seed=0)
    assert seen == [["dead ReLU"]] * 2


# ---------------------------------------------------------------------- as text and as pictures


def test_the_report_fits_a_terminal_and_begins_with_the_worst():
    finding = Finding("vanishing gradient", "encoder.0", 2e-14, "It is small. " * 20, "Use ReLU. " * 20, 0.5)
    worse = Finding("NaN or infinity", "", float("nan"), "log gave -inf.", "Clip it.", 1.0)
    doctor = watched(patient("all_dead"))
    doctor._findings = [worse, finding]
    text = str(doctor)
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("1. NaN or infinity") < text.index("2. vanishing gradient in 'encoder.0'")
    assert "2 illnesses found" in text
    assert repr(doctor).endswith("2 illnesses found: NaN or infinity, vanishing gradient in 'encoder.0'.")
    assert "encoder.0" in doctor._repr_html_()


def test_severities_are_sorted():
    m = Parts()
    m.first.bias.data[:] = -100
    m.spare = nn.Linear(2, 2)
    x, y = blobs(np.random.default_rng(0))
    found = Doctor().examine(m, CE(), (x, y))
    assert [finding.illness for finding in found] == ["dead ReLU", "no gradient"]
    assert [f.severity for f in found] == sorted((f.severity for f in found), reverse=True)


def test_a_bias_before_batch_norm_is_a_remark():
    m = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    doctor = Doctor()
    assert doctor.examine(m, CE(), blobs(np.random.default_rng(0))) == []
    assert doctor.remarks == [
        "the bias of '0' has no effect, since the batch normalisation '1' takes the mean away: bias=False"
    ]


def test_parameters_that_the_optimizer_leaves_out_are_a_remark():
    m = mlp(8, 16, 3)
    doctor = Doctor()
    optimizer = optim.Adam(m[2].parameters(), lr=0.01)
    fit(m, CE(), optimizer, blobs(np.random.default_rng(0)), epochs=5, callbacks=[doctor], seed=0)
    assert doctor.findings == []
    assert doctor.remarks == [
        "'0.weight', '0.bias' get a gradient, but the optimizer does not change them: freeze them if that is meant."
    ]
    assert "Remark: '0.weight', '0.bias' get a gradient" in str(doctor)


def test_a_training_run_in_steps_is_watched_to_its_last():
    m, doctor = mlp(8, 16, 3), Doctor()
    fit(m, CE(), adam(m, 0.01), blobs(np.random.default_rng(0)), steps=150, periods=3, callbacks=[doctor], seed=0)
    assert [sample.step for sample in doctor._record.samples] == [1, 4, 16, 64, 128, 150]


def test_a_fresh_doctor_says_that_nothing_was_watched():
    doctor = Doctor()
    assert (repr(doctor), doctor.findings, str(doctor)) == ("Doctor()", [], "Doctor: nothing was watched yet.")
    for picture in (doctor.plot, doctor.draw):
        with pytest.raises(RuntimeError, match="nothing was watched yet"):
            picture()


def test_the_plot_has_a_row_for_each_layer_and_marks_the_sick(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    doctor = watched(patient("three_quarters_dead"))
    gradients, off, updates = doctor.plot()
    labels = [[text.get_text() for text in ax.get_yticklabels()] for ax in (gradients, off, updates)]
    assert labels == [["0", "1", "2", "3", "4"], ["1", "3"], ["0.weight", "2.weight", "4.weight"]]
    assert [text.get_text() for text in off.get_yticklabels() if text.get_color() == "tab:red"] == ["3"]
    steps = [sample.step for sample in doctor._record.samples]
    assert off.images[0].get_array().shape == (2, len(steps))
    assert steps == [1, 4, 16, 64, 128, 130]
    plt.close("all")
    _, axes = plt.subplots(3)
    assert doctor.plot(axes)[0] is axes[0]
    with pytest.raises(ValueError, match="must be three"):
        doctor.plot(axes[:2])
    plt.close("all")


def test_without_matplotlib_the_plot_says_what_to_install(monkeypatch):
    doctor = watched(patient("all_dead"))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        doctor.plot()


def test_findings_stand_on_the_compute_graph():
    case = patient("dead_function")
    doctor = Doctor()
    found = doctor.examine(case.module, case.loss, case.data)
    graph = doctor.draw()
    (scope,) = [scope for scope in graph.scopes if scope.message]
    assert scope.path == "fc2"
    assert scope.message.startswith("dead ReLU: 100%")
    for text in (graph.to_dot(), graph.to_mermaid(), str(graph)):
        assert "dead ReLU" in text
    again = tg.draw(case.module, case.data[0][:2].astype(np.float32), findings=found)
    assert [scope.message for scope in again.scopes] == [scope.message for scope in graph.scopes]
    assert tg.graph.Graph.from_json(graph.to_json()).scopes[scope.number].message == scope.message


def test_a_finding_on_a_module_of_one_operation_stands_on_it():
    case = patient("all_dead")
    doctor = Doctor()
    doctor.examine(case.module, case.loss, case.data)
    graph = doctor.draw()
    assert graph["relu"].message.startswith("dead ReLU")
    assert any("dead ReLU" in note for note in graph.notes)  # the module may be folded


def test_a_finding_that_concerns_all_stands_below_the_picture():
    finding = Finding("learning rate too high", "", 3.0, "The loss has risen.", "Lower it.")
    graph = tg.draw(mlp(2, 3, 1), np.ones((2, 2)), findings=[finding])
    assert graph.notes[-1] == "learning rate too high: The loss has risen."


# ---------------------------------------------------------------------- wrong arguments


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Doctor(3), "module must be a Module, not int; what fit"),
        (lambda: Doctor(mlp(2, 1), mlp(2, 1)), "optimizer must be a Optimizer|optimizer must be an Optimizer"),
        (lambda: Doctor(loss=3), "loss must be a function"),
        (lambda: Doctor().examine(3, CE(), ()), "module must be a tg.nn.Module, not int"),
        (lambda: Doctor().examine(mlp(2, 1), 3, ()), "loss must be a function"),
        (lambda: Doctor().examine(mlp(2, 1), MSE(), np.ones((2, 2))), r"batch must be a tuple \(x, y\), not ndarray"),
    ],
)
def test_wrong_arguments_are_explained(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_an_error_of_the_module_is_no_illness():
    with pytest.raises(ValueError, match="shape"):
        Doctor().examine(mlp(3, 1), MSE(), (np.ones((4, 2)), np.ones((4, 1))))
