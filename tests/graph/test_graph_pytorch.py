"""Modules and functions of PyTorch as graphs: their values, PyTorch's own gradients, and everything left as it was."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.graph import Graph, from_torch, trace
from tinygrad_ml.graph.show.steps import steps
from tinygrad_ml.graph.show.view import view

torch = pytest.importorskip("torch")
nn = torch.nn
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5)
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        return self.second(self.drop(torch.relu(self.norm(self.first(x)))))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.pool, self.scores = nn.MaxPool2d(2), nn.Linear(4 * 16, 10)

    def forward(self, x):
        return self.scores(self.pool(torch.relu(self.norm(self.conv(x)))).flatten(1))


class ResNetBlock(nn.Module):
    def __init__(self, c=4):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.lstm, self.scores = nn.Embedding(20, 6), nn.LSTM(6, 8), nn.Linear(8, 5)

    def forward(self, x):
        out, _ = self.lstm(self.embed(x))
        return self.scores(out[-1])


class Tied(nn.Module):
    """One layer twice, and one matrix under two names."""

    def __init__(self):
        super().__init__()
        self.layer, self.out = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.out.weight = self.layer.weight

    def forward(self, x):
        return self.out(torch.tanh(self.layer(torch.tanh(self.layer(x)))))


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.input, self.state, self.score = nn.Linear(3, 6), nn.Linear(6, 6, bias=False), nn.Linear(6, 1)

    def forward(self, xs):
        h = torch.zeros(xs.shape[1], 6, dtype=xs.dtype)
        for x in xs:
            h = torch.tanh(self.input(x) + self.state(h))
        return self.score(h)


class Functional(nn.Module):
    """Views, parts, writing in place, an operation with a backward of its own, a branch, and code without modules."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.randn(4, 6) * 0.5), nn.Parameter(torch.zeros(6))

    def forward(self, x):
        y = torch.addmm(self.b, x, self.w)
        a, b, c = y.chunk(3, dim=1)
        a = Doubled.apply(a) if y.sum() > -1e9 else a
        z = 1 - a * torch.sigmoid(b) / (2 + c**2)
        z = z.clone()
        z[0] = z[0] * 3
        z += 1
        z = torch.cat([z, torch.einsum("ij,kj->ik", z, z)], dim=1)
        with torch.no_grad():
            scale = z.abs().max()
        return nn.functional.layer_norm(z / scale, z.shape[1:]).max(dim=1).values


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def encoder():
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)


NETWORKS = {
    "MLP": (MLP, lambda: torch.randn(5, 4)),
    "CNN": (CNN, lambda: torch.randn(2, 1, 8, 8)),
    "ResNet block": (ResNetBlock, lambda: torch.randn(2, 4, 5, 5)),
    "LSTM": (Tagger, lambda: torch.randint(0, 20, (6, 2))),
    "encoder": (encoder, lambda: torch.randn(5, 2, 8)),
    "two encoders": (lambda: nn.Sequential(encoder(), encoder()), lambda: torch.randn(5, 2, 8)),
    "shared weights": (Tied, lambda: torch.randn(3, 4)),
    "loop": (Loop, lambda: torch.randn(5, 2, 3)),
    "functional": (Functional, lambda: torch.randn(3, 4)),
    "GRU of two layers": (lambda: nn.GRU(3, 4, num_layers=2, bidirectional=True), lambda: torch.randn(5, 2, 3)),
    "double": (lambda: MLP().double(), lambda: torch.randn(5, 4, dtype=torch.float64)),
    "bfloat16": (lambda: nn.Linear(4, 2).bfloat16(), lambda: torch.randn(5, 4).bfloat16()),
    "evaluation": (lambda: MLP().eval(), lambda: torch.randn(5, 4)),
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def made(name):
    torch.manual_seed(0)
    make, data = NETWORKS[name]
    return make(), data()


def numbers(summary):
    return (
        np.array(summary.numbers)
        if summary.numbers is not None
        else np.array([summary.norm, summary.low, summary.high])
    )


def expected(x):
    x = x.detach().float().numpy() if x.dtype is torch.bfloat16 else x.detach().numpy()
    return x.ravel() if x.size <= 64 else np.array([np.linalg.norm(x), x.min(), x.max()])


# ---------------------------------------------------------------------- values and gradients


@every_network
def test_parameters_and_outputs_of_modules_have_pytorchs_values_and_gradients(name):
    model, x = made(name)
    torch.manual_seed(1)
    graph = trace(model, x)
    assert not graph.error
    seen = []

    def keep(module, inputs, output):
        first = output[0] if isinstance(output, tuple) else output
        if first.requires_grad and not (isinstance(module, nn.ReLU) and module.inplace):
            first.retain_grad()
            seen.append((module, first, first.detach().clone(), first._version))

    handles = [m.register_forward_hook(keep) for m in model.modules()]
    torch.manual_seed(1)
    results = model(x)
    for handle in handles:
        handle.remove()
    results = results if isinstance(results, tuple) else (results,)
    sum(r.float().sum() for r in results).backward()
    for node, r in zip((graph.nodes[k] for k in graph.outputs), results):
        np.testing.assert_allclose(numbers(node.value), expected(r), rtol=1e-4, atol=1e-6)
    names = {node.name: node for node in graph.parameters}
    for path, p in model.named_parameters():
        np.testing.assert_allclose(numbers(names[path].gradient), expected(p.grad), rtol=2e-3, atol=1e-5, err_msg=path)
    scopes = {}
    for scope in graph.scopes[1:]:
        scopes.setdefault(scope.path, []).append(scope)
    paths = {id(m): path for path, m in model.named_modules()}
    for module, output, value, version in seen:
        if module is model or output._version != version:  # written to since: the gradient is that of another value
            continue
        node = graph.nodes[scopes[paths[id(module)]].pop(0).outputs[0]]
        np.testing.assert_allclose(numbers(node.value), expected(value), rtol=1e-4, atol=1e-6)
        if output.grad is not None:
            np.testing.assert_allclose(numbers(node.gradient), expected(output.grad), rtol=2e-3, atol=1e-5)


@every_network
def test_what_goes_along_the_edges_adds_up_to_the_gradient(name):
    model, x = made(name)
    graph = trace(model.double() if name != "LSTM" else model, x.double() if x.is_floating_point() else x)
    checked = 0
    for node in graph.nodes:
        uses = [i.gradient for n in graph.operations for i in n.inputs if i.source == node.number]
        uses = [g for g in uses if g is not None]
        if node.gradient is None or node.gradient.numbers is None or not uses or any(g.numbers is None for g in uses):
            continue
        if node.number in graph.outputs:
            continue
        total = sum(np.array(g.numbers) for g in uses)
        np.testing.assert_allclose(total, numbers(node.gradient), rtol=1e-3, atol=1e-6)
        checked += 1
    assert checked


def test_a_function_of_numbers_has_the_graph_that_the_same_code_has_here():
    def theirs(x, w):
        return torch.tanh(x * w) + x**2 - 2 / w

    def ours(x, w):
        return tg.tanh(x * w) + x**2 - 2 / w

    drawn, own = trace(theirs, 0.5, 2.0), trace(ours, 0.5, 2.0)
    assert [n.operation for n in drawn.nodes] == [n.operation for n in own.nodes]
    assert drawn.edges == own.edges
    for a, b in zip(drawn.nodes, own.nodes):
        np.testing.assert_allclose(numbers(a.value), numbers(b.value), rtol=1e-6)
        np.testing.assert_allclose(numbers(a.gradient), numbers(b.gradient), rtol=1e-6)
        for i, j in zip(a.inputs, b.inputs):
            assert (i.argument, i.constant, i.formula) == (j.argument, j.constant, j.formula)
            assert (i.local is None) == (j.local is None)
            assert i.local is None or i.local == pytest.approx(j.local, rel=1e-6)
    assert steps(drawn) == steps(own)


def test_the_same_network_here_has_the_same_tree_and_the_same_numbers():
    theirs = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    ours = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 3))
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.named_parameters()})
    x = np.random.default_rng(0).random((5, 4), np.float32)
    drawn, own = trace(theirs, x), trace(ours, tg.tensor(x))
    assert [(s.path, s.type) for s in drawn.scopes] == [(s.path, s.type) for s in own.scopes]
    assert [n.name for n in drawn.parameters] == [n.name for n in own.parameters]
    for a, b in zip(drawn.nodes, own.nodes):
        assert a.value.close_to(b.value, 1e-4, 1e-5)
        assert (a.gradient is None) == (b.gradient is None)
        assert a.gradient is None or a.gradient.close_to(b.gradient, 1e-4, 1e-5)
    assert [n.flops for n in drawn.operations] == [n.flops for n in own.operations]


def test_a_gradient_that_is_given_arrives_at_the_result():
    graph = trace(lambda x: x * x, torch.tensor([1.0, 2.0], requires_grad=True), gradient=[3.0, 5.0])
    assert graph["x"].gradient.numbers == [6.0, 20.0]
    assert trace(lambda x: torch.sin(x), 1.0, backward=False)["x"].gradient is None
    assert trace(lambda x: torch.sin(x), 1.0, values=False)["x"].value is None


# ---------------------------------------------------------------------- what is left as it was


@every_network
@pytest.mark.parametrize("fails", [False, True])
def test_parameters_buffers_gradients_modes_and_hooks_are_left_alone(name, fails):
    model, x = made(name)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    versions = {k: p._version for k, p in model.named_parameters()}
    modes = [m.training for m in model.modules()]
    hooks = torch.nn.modules.module
    if fails:
        model.register_forward_hook(lambda module, inputs, output: 1 / 0)
    graph = trace(model, x)
    assert bool(graph.error) == fails
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert {k: p._version for k, p in model.named_parameters()} == versions
    assert [m.training for m in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert torch.overrides._get_current_function_mode() is None


def test_code_that_tests_types_and_shapes_runs_as_it_does_without_a_drawing():
    def code(x):
        assert isinstance(x, torch.Tensor)
        assert x.shape == (2, 3)
        assert len(x) == 2
        assert x.dtype is torch.float32
        total = sum(row.sum() for row in x)
        return total if float(total) > 0 else -total

    graph = trace(code, torch.ones(2, 3))
    assert not graph.error
    assert graph.nodes[graph.outputs[0]].value.numbers == [6.0]
    with pytest.raises(TypeError, match="0-d"):
        list(torch.tensor(1.0))


# ---------------------------------------------------------------------- names and boxes


def test_modules_nest_and_a_second_call_is_counted():
    graph = trace(nn.Sequential(MLP(), nn.Tanh()), torch.randn(5, 4))
    assert [s.path for s in graph.scopes] == ["", "0", "0.first", "0.norm", "0.drop", "0.second", "1"]
    assert [s.type for s in graph.scopes[:3]] == ["Sequential", "MLP", "Linear"]
    assert [s.name for s in trace(Tied(), torch.randn(3, 4)).scopes[1:]] == ["layer", "layer (2)", "out"]
    whole = {s.name: s.about for s in graph.scopes if s.whole}
    assert set(whole) == {"norm", "drop"}
    assert whole["drop"] == "p=0.5"


def test_leaves_have_the_names_of_arguments_parameters_buffers_and_variables():
    weight = torch.tensor([2.0], requires_grad=True)
    targets = torch.tensor([[1.0]])
    layer = nn.Linear(1, 1)

    def loss(x, pair):
        mask = torch.tensor([True])
        return nn.functional.mse_loss(layer(x * weight) + pair["a"] * pair["b"], targets)[None][mask]

    graph = trace(loss, torch.tensor([[3.0]]), {"a": torch.ones(1), "b": torch.ones(1)})
    named = {n.name: n.kind for n in graph.nodes if not n.operation}
    assert named == {
        "x": "input",
        "pair[0]": "input",
        "pair[1]": "input",
        "weight": "parameter",
        "layer.weight": "parameter",
        "layer.bias": "parameter",
        "targets": "constant",
        "mask": "constant",
    }
    assert graph["mse_loss"].line.startswith("test_graph_pytorch.py:")
    assert "mse_loss(layer" in graph["mse_loss"].code


def test_arguments_that_are_no_tensors_are_said():
    graph = trace(nn.Conv2d(1, 2, 3, stride=2, padding=1), torch.ones(1, 1, 6, 6))
    assert graph["conv2d"].parameters == {"stride": "(2, 2)", "padding": "(1, 1)"}
    assert [i.argument for i in graph["conv2d"].inputs] == ["input", "weight", "bias"]
    graph = trace(lambda x: x.sum(dim=1).softmax(0)[0:1], torch.ones(2, 3))
    assert [n.parameters for n in graph.operations] == [{"dim": "1"}, {"dim": "0"}, {"index": "0:1"}]


def test_a_loop_is_drawn_once():
    graph = trace(Loop(), torch.randn(60, 2, 3))
    names = [s.name for s in view(graph).graph.scopes]
    assert "60 ×" in names
    layers = [layer for _ in range(100) for layer in (nn.Linear(4, 4), nn.Tanh())]
    names = [f"{s.name} {s.type}" for s in view(trace(nn.Sequential(*layers), torch.randn(2, 4))).graph.scopes]
    assert "100 × (Linear, Tanh)" in names


def test_what_pytorch_computes_by_itself_is_one_box_and_a_note_says_so():
    def slope(x):
        (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return g * 2

    graph = trace(slope, torch.tensor([1.0, 2.0], requires_grad=True))
    assert graph["x"].gradient.numbers == [12.0, 24.0]
    assert any("one box" in note for note in graph.notes)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_scripted_module_is_one_box_with_what_it_takes():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
    graph = trace(scripted, torch.ones(1, 2))
    assert [n.operation for n in graph.operations] == ["Sequential"]
    assert [i.argument for i in graph.operations[0].inputs] == ["input 0", "0.weight", "0.bias"]
    scripted(torch.ones(1, 2)).sum().backward()
    for node, p in zip(graph.parameters, scripted.parameters()):
        np.testing.assert_allclose(numbers(node.gradient), expected(p.grad), rtol=1e-5)


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_where_pytorch_records_nothing_there_are_values_and_no_gradients(mode):
    with getattr(torch, mode)():
        graph = trace(nn.Linear(2, 1), torch.ones(1, 2))
    assert not graph.error
    assert graph["linear"].value is not None
    assert all(n.gradient is None for n in graph.nodes)


# ---------------------------------------------------------------------- errors


def test_what_raises_is_drawn_as_far_as_it_ran():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(5, 2)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)))

    graph = trace(Wrong(), torch.ones(2, 3))
    assert graph.error.startswith("RuntimeError: mat1 and mat2 shapes")
    error = graph.nodes[-1]
    assert (error.kind, error.operation, graph.scopes[error.scope].path) == ("error", "linear", "second")
    assert graph.nodes[error.inputs[0].source].operation == "relu"
    assert [n.operation for n in graph.operations] == ["linear", "relu"]


def test_an_error_that_the_code_catches_itself_is_no_end():
    def careful(x):
        try:
            return x @ torch.ones(7)
        except RuntimeError:
            return x * 2

    graph = trace(careful, torch.ones(3))
    assert not graph.error
    assert [n.operation for n in graph.operations] == ["multiply"]


def test_a_tensor_or_no_function_is_refused_with_what_to_give():
    with pytest.raises(TypeError, match="does not know the values that led to it; give the function or module"):
        tg.draw(torch.ones(2, requires_grad=True) * 2)
    with pytest.raises(TypeError, match="cannot trace int; give it a module or function of PyTorch"):
        from_torch(3, torch.ones(2))
    graph = trace(lambda x: 3, torch.ones(2))
    assert graph.notes == ["the result is no Tensor but int"]


# ---------------------------------------------------------------------- seen by trace and draw


def test_trace_and_draw_see_what_is_pytorchs_and_what_is_not():
    assert trace(nn.Linear(2, 1), np.ones((1, 2))).nodes[-1].operation == "linear"
    assert trace(nn.Linear(2, 1), tg.ones(1, 2)).nodes[-1].operation == "linear"
    assert trace(nn.Linear(2, 1), [[1.0, 2.0]])["linear"].value.size == 1
    assert trace(torch.sin, torch.ones(1)).nodes[-1].operation == "sin"
    assert trace(lambda x: torch.sin(x), 1.0).nodes[-1].value.numbers == pytest.approx([np.sin(1.0)])
    assert trace(lambda x: tg.sin(x), 1.0).nodes[-1].operation == "sin"
    assert trace(lambda x: x * 2, torch.ones(1)).nodes[-1].dtype == "float32"
    assert from_torch(lambda x: x * 2, 1.0)["x"].gradient.numbers == [2.0]
    assert tg.draw(nn.Linear(2, 1), torch.ones(1, 2)).title == "Linear"


def test_the_library_does_not_load_pytorch():
    program = "import sys, tinygrad_ml as tg; tg.draw(lambda x: x * x, 3.0); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_pytorch_the_function_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="from_torch needs PyTorch: pip install torch"):
        from_torch(lambda x: x, 1.0)


# ---------------------------------------------------------------------- pictures and pages


@needs_graphviz
@every_network
def test_pictures_pages_and_text_of_all_kinds(name, tmp_path):
    model, x = made(name)
    graph = trace(model, x)
    assert Graph.from_json(graph.to_json()) == graph
    assert graph.render(tmp_path / "picture.svg").stat().st_size > 2000
    assert graph.explorer(tmp_path / "page.html").stat().st_size > 10_000
    assert graph.to_mermaid().startswith("flowchart")
    assert "tikzpicture" in graph.to_tikz()
    assert str(graph).startswith(graph.title)
    assert type(model).__name__ in graph.tree()
    assert steps(graph)
