"""Functions of JAX as graphs: what their jaxpr computes, with JAX's own gradients."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.graph import Graph, from_jax, trace
from tinygrad_ml.graph.show.steps import steps
from tinygrad_ml.graph.show.view import view

jax = pytest.importorskip("jax")
jnp = jax.numpy
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
KEY = jax.random.PRNGKey(0)


def parameters(*sizes):
    keys = jax.random.split(KEY, len(sizes))
    return [{"w": 0.3 * jax.random.normal(k, (a, b)), "b": jnp.full(b, 0.1)} for k, a, b in zip(keys, sizes, sizes[1:])]


@jax.jit
def layer(p, x):
    return jax.nn.relu(x @ p["w"] + p["b"])


LABELS = jnp.arange(6) % 3


def mlp(params, x):
    for p in params[:-1]:
        x = layer(p, x)
    logits = x @ params[-1]["w"] + params[-1]["b"]
    return -jax.nn.log_softmax(logits)[jnp.arange(6), LABELS].mean()


def convolution(x, w):
    y = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME")
    return jax.lax.reduce_window(jax.nn.gelu(y), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID").mean()


def recurrent(p, xs):
    def step(h, x):
        h = jnp.tanh(x @ p["x"] + h @ p["h"])
        return h, h.sum()

    h, sums = jax.lax.scan(step, jnp.zeros((2, 4)), xs)
    return h.sum() + (sums**2).sum()


def backwards(xs):
    return jax.lax.scan(lambda c, x: (c * x + 1, c), 0.5, xs, reverse=True)


def branches(x):
    y = jax.lax.cond(x.sum() > 0, lambda a: a * 2, lambda a: a - 1, x)
    y = jax.lax.switch(1, [jnp.sin, jnp.cos, jnp.tan], y)
    return jnp.where(y > 0, y, 0.1 * y).sum()


def newton(x):
    return jax.lax.fori_loop(0, 6, lambda i, x: x - (x * x - 2) / (2 * x), x)


@jax.custom_vjp
def clipped(x):
    return jnp.sin(x)


clipped.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.clip(g * jnp.cos(x), -0.1, 0.1),))


def attention(q, k, v):
    return jax.nn.softmax(q @ k.T / jnp.sqrt(4.0)) @ v


def normal(*shape):
    return jax.random.normal(KEY, shape)


FUNCTIONS = {
    "scalar": (lambda x, w: jnp.tanh(x * w) + x**2 - 2 / w, (0.5, 2.0)),
    "MLP on pytrees": (mlp, (parameters(4, 5, 5, 3), normal(6, 4))),
    "jit": (jax.jit(mlp), (parameters(4, 5, 5, 3), normal(6, 4))),
    "convolution": (convolution, (normal(1, 2, 4, 4), normal(3, 2, 3, 3))),
    "scan": (recurrent, ({"x": 0.3 * normal(3, 4), "h": 0.3 * normal(4, 4)}, normal(5, 2, 3))),
    "reverse scan": (lambda xs: backwards(xs)[0] + backwards(xs)[1].sum(), (normal(5),)),
    "branches": (branches, (normal(4),)),
    "loop": (newton, (1.0,)),
    "vmap": (lambda x: jax.vmap(lambda row: jnp.sin(row) @ row)(x).sum(), (normal(3, 4),)),
    "gradient": (jax.grad(lambda x: jnp.sin(x) ** 2 * x), (0.5,)),
    "gradient of a layer": (
        lambda w: jax.grad(lambda w: jnp.tanh(normal(2, 3) @ w).sum())(w).sum(),
        (normal(3, 3),),
    ),
    "Hessian-vector product": (
        lambda x, v: jax.jvp(jax.grad(lambda x: (x**3).sum()), (x,), (v,))[1].sum(),
        (normal(3), normal(3)),
    ),
    "custom derivative": (lambda x: clipped(x).sum(), (normal(5),)),
    "attention": (lambda q, k, v: attention(q, k, v).sum(), (normal(3, 4), normal(5, 4), normal(5, 2))),
    "shared": (lambda w, x: (jnp.tanh(jnp.tanh(x @ w) @ w)).sum(), (normal(3, 3), normal(2, 3))),
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(jnp.exp(x)).sum()), (normal(3),)),
    "linear algebra": (lambda a: jnp.linalg.slogdet(a @ a.T + jnp.eye(3))[1], (normal(3, 3),)),
    "random": (lambda key, x: (x * jax.random.bernoulli(key, 0.5, x.shape)).sum(), (jax.random.key(1), normal(4))),
    "bfloat16": (lambda x: (x * x).sum(), (normal(3).astype(jnp.bfloat16),)),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.fixture(scope="module")
def graphs():
    made = {}

    def graph(name):
        if name not in made:
            function, inputs = FUNCTIONS[name]
            made[name] = trace(function, *inputs)
        return made[name]

    return graph


def numbers(summary):
    return (
        np.array(summary.numbers)
        if summary.numbers is not None
        else np.array([summary.norm, summary.low, summary.high])
    )


def expected(x):
    x = np.asarray(x, np.float32) if x.dtype == jnp.bfloat16 else np.asarray(x)
    return x.ravel() if x.size <= 64 else np.array([np.linalg.norm(x), x.min(), x.max()])


# ---------------------------------------------------------------------- values and gradients


@every_function
def test_results_and_gradients_of_the_inputs_are_jaxs(graphs, name):
    function, inputs = FUNCTIONS[name]
    graph = graphs(name)
    assert not graph.error
    assert not [note for note in graph.notes if "no gradient" in note]
    results = jax.tree_util.tree_leaves(function(*inputs))
    for node, r in zip((graph.nodes[k] for k in graph.outputs), results, strict=True):
        np.testing.assert_allclose(numbers(node.value), expected(r), rtol=1e-4, atol=1e-6)
    leaves, form = jax.tree_util.tree_flatten(inputs)
    vary = [k for k, x in enumerate(leaves) if jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating)]

    def total(varying):
        filled = list(leaves)
        for k, x in zip(vary, varying):
            filled[k] = x
        return sum(r.astype(jnp.float32).sum() for r in jax.tree_util.tree_leaves(function(*form.unflatten(filled))))

    nodes = [n for n in graph.nodes if n.kind in ("input", "parameter")]
    assert len(nodes) == len(leaves)
    for k, g in zip(
        vary,
        jax.jacfwd(total)([jnp.asarray(leaves[k]) for k in vary])
        if name == "loop"
        else jax.grad(total)([jnp.asarray(leaves[k]) for k in vary]),
    ):
        np.testing.assert_allclose(numbers(nodes[k].gradient), expected(g), rtol=2e-3, atol=1e-5)


@every_function
def test_what_goes_along_the_edges_adds_up_to_the_gradient(graphs, name):
    graph, checked = graphs(name), 0
    for node in graph.nodes:
        uses = [i.gradient for n in graph.operations for i in n.inputs if i.source == node.number]
        uses = [g for g in uses if g is not None]
        if node.gradient is None or node.gradient.numbers is None or not uses or node.number in graph.outputs:
            continue
        total = sum(np.array(g.numbers) for g in uses)
        np.testing.assert_allclose(total, numbers(node.gradient), rtol=1e-2, atol=1e-5)
        checked += 1
    assert checked


def test_a_function_of_numbers_has_the_graph_that_the_same_code_has_here():
    drawn = trace(lambda x, w: jnp.tanh(x * w) + x**2 - 2 / w, 0.5, 2.0)
    own = trace(lambda x, w: tg.tanh(x * w) + x**2 - 2 / w, 0.5, 2.0)
    assert [n.operation for n in drawn.nodes] == [n.operation for n in own.nodes]
    for a, b in zip(drawn.nodes, own.nodes):
        np.testing.assert_allclose(numbers(a.value), numbers(b.value), rtol=1e-6)
        np.testing.assert_allclose(numbers(a.gradient), numbers(b.gradient), rtol=1e-5)
        for i, j in zip(a.inputs, b.inputs):
            assert (i.argument, i.source, i.constant, i.formula) == (j.argument, j.source, j.constant, j.formula)
            assert i.local is None or i.local == pytest.approx(j.local, rel=1e-5)


def test_the_rule_of_a_custom_derivative_is_the_one_that_is_used():
    graph = trace(lambda x: clipped(x), jnp.array([0.0, 3.0]))
    assert graph["x"].gradient.numbers == pytest.approx([0.1, -0.1])
    assert [n.operation for n in graph.operations] == ["clipped"]
    graph = trace(lambda x: jax.nn.relu(x), jnp.array([0.0, 1.0]))
    assert graph["x"].gradient.numbers == [0.0, 1.0]
    assert [n.operation for n in graph.operations] == ["relu"]


def test_a_gradient_that_is_given_arrives_at_the_result():
    graph = trace(lambda x: x * x, jnp.array([1.0, 2.0]), gradient=[3.0, 5.0])
    assert graph["x"].gradient.numbers == [6.0, 20.0]
    assert trace(lambda x: jnp.sin(x), 1.0, backward=False)["x"].gradient is None
    assert trace(lambda x: jnp.sin(x), 1.0, values=False)["x"].value is None


# ---------------------------------------------------------------------- names and boxes


def test_leaves_of_pytrees_have_the_names_of_their_places(graphs):
    names = [(n.kind, n.name) for n in graphs("MLP on pytrees").nodes if not n.operation]
    layers = [("parameter", f"params.{k}.{p}") for k in range(3) for p in "bw"]
    assert names == [*layers, ("input", "x"), ("constant", "LABELS")]
    assert [n.name for n in graphs("jit").nodes if n.kind == "input"] == ["x"]


def test_functions_under_jit_and_named_scopes_are_boxes_and_jaxs_own_functions_one_box_each():
    def function(x):
        with jax.named_scope("outer"):
            x = jnp.sin(x)
            with jax.named_scope("inner"):
                x = jnp.cos(x)
        return jax.nn.softmax(layer({"w": x, "b": 0.0}, x))

    graph = trace(function, normal(3, 3))
    assert [(s.path, s.type, s.whole) for s in graph.scopes[1:]] == [
        ("outer", "", False),
        ("outer.inner", "", False),
        ("layer", "jit", False),
        ("softmax", "softmax", True),
    ]
    folded = [d for d in view(graph).drawn.values() if d.folded is not None]
    assert len(folded) == 1


def test_two_calls_of_one_function_of_jax_are_two_boxes():
    graph = trace(lambda x: jax.nn.softmax(jax.nn.softmax(x)), normal(2, 3))
    assert [s.type for s in graph.scopes[1:]] == ["softmax", "softmax"]

    def loop(x):
        for _ in range(3):
            x = jax.nn.softmax(x)
        return x

    assert [s.type for s in trace(loop, normal(2, 3)).scopes[1:]] == ["softmax"] * 3


def test_steps_of_a_loop_are_boxes_that_are_drawn_once():
    _, inputs = FUNCTIONS["scan"]
    graph = trace(recurrent, inputs[0], normal(12, 2, 3))
    assert [s.name for s in graph.scopes if s.name.startswith("step")] == [
        "step",
        *(f"step ({k})" for k in range(2, 13)),
    ]
    assert "12 × step" in [s.name for s in view(graph, limit=30).graph.scopes]
    graph = trace(newton, 1.0)
    assert len([s for s in graph.scopes if s.name.startswith("step")]) == 6


def test_of_a_branch_the_one_that_was_taken_is_drawn(graphs):
    up, down = (trace(branches, jnp.array([s * 1.0, s * 2.0])) for s in (1, -1))
    assert "branch 1" in [s.type for s in up.scopes]
    assert "branch 0" in [s.type for s in down.scopes]
    assert "subtract" not in [n.operation for n in up.operations]


def test_forward_and_backward_of_a_gradient_are_boxes(graphs):
    assert {"forward", "backward"} <= {s.name for s in graphs("gradient").scopes}


def test_lines_and_parameters_are_said(graphs):
    node = graphs("MLP on pytrees")["relu"]
    assert node.line.startswith("test_graph_jax.py:")
    assert node.code == 'return jax.nn.relu(x @ p["w"] + p["b"])'
    graph = trace(lambda x: x.sum(axis=1).astype(int), normal(2, 3))
    assert [n.parameters for n in graph.operations] == [{"axis": "1"}, {"dtype": "int32"}]


# ---------------------------------------------------------------------- errors, and what it sees


def test_an_error_of_jax_is_the_graph():
    graph = trace(lambda x, w: jnp.exp(x) @ w, jnp.ones((2, 3)), jnp.ones((4, 5)))
    assert graph.error.startswith("TypeError: dot_general requires contracting dimensions to have the same shape")
    assert [n.kind for n in graph.nodes] == ["error"]


def test_a_switch_or_a_number_of_steps_is_no_traced_value():
    def power(x, n, invert=False):
        for _ in range(n - 1):
            x = x * jnp.asarray(2.0)
        return 1 / x if invert else x

    graph = trace(power, 2.0, 3, True)
    assert not graph.error
    assert graph.nodes[graph.outputs[0]].value.numbers == [0.125]


def test_static_arguments_of_jit_are_none_either():
    graph = trace(jax.jit(lambda x, n: x**n, static_argnums=1), 2.0, 3)
    assert graph.nodes[graph.outputs[0]].value.numbers == [8.0]


def test_an_attribute_is_no_global_of_the_same_name(monkeypatch):
    monkeypatch.setitem(globals(), "nn", pytest.importorskip("torch").nn)  # as in `from torch import nn`
    assert trace(lambda x: jax.nn.softplus(x), 1.0)["softplus"].value.numbers == pytest.approx([np.log1p(np.e)])


def test_trace_and_draw_see_what_is_jaxs_and_what_is_not():
    assert trace(lambda x: jnp.sin(x), 1.0).nodes[-1].operation == "sin"
    assert trace(jnp.sin, 1.0).nodes[-1].operation == "sin"
    assert trace(jax.grad(lambda x: x * x), 3.0).nodes[-1].value.numbers == [6.0]
    assert trace(jax.jit(lambda x: x * 2), 1.0).nodes[-1].operation == "multiply"
    assert trace(lambda x: x * 2, jnp.ones(1)).nodes[-1].operation == "multiply"
    assert trace(lambda x: tg.sin(x), 1.0).nodes[-1].operation == "sin"
    assert from_jax(lambda x: x * 2, tg.ones(1))["x"].gradient.numbers == [2.0]
    assert tg.draw(newton, 1.0).title == "newton"
    with pytest.raises(TypeError, match="cannot trace int; give it a function of JAX"):
        from_jax(3)


def test_the_library_does_not_load_jax():
    program = "import sys, tinygrad_ml as tg; tg.draw(lambda x: x * x, 3.0); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_jax_the_function_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match="from_jax needs JAX: pip install jax"):
        from_jax(lambda x: x, 1.0)


# ---------------------------------------------------------------------- pictures and pages


@needs_graphviz
@every_function
def test_pictures_pages_and_text_of_all_kinds(graphs, name, tmp_path):
    graph = graphs(name)
    assert Graph.from_json(graph.to_json()) == graph
    assert graph.render(tmp_path / "picture.svg").stat().st_size > 2000
    assert graph.explorer(tmp_path / "page.html").stat().st_size > 10_000
    assert graph.to_mermaid().startswith("flowchart")
    assert "tikzpicture" in graph.to_tikz()
    assert str(graph).startswith(graph.title)
    assert graph.tree()
    assert steps(graph)
