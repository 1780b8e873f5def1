"""What stays in memory, and for how long."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim


@pytest.fixture
def no_garbage_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.slow
def test_a_chain_of_a_million_operations():
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert y.item() == 1_000_001
    assert x.grad.item() == 1


@pytest.mark.slow
def test_a_chain_of_a_million_operations_is_freed_without_backward():
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y * 1.0
    first = weakref.ref(y)
    del y
    assert first() is None


def test_training_leaves_no_objects_behind(no_garbage_collector):
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 2))
    optimizer = optim.Adam(net.parameters())
    loss = nn.CrossEntropyLoss()
    x, y = tg.randn(8, 3), np.zeros(8, int)

    def steps(n):
        for _ in range(n):
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optim.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()

    steps(10)
    before = len(gc.get_objects())
    steps(1000)
    assert len(gc.get_objects()) - before < 20


def test_only_what_a_rule_names_is_kept():
    n = 100
    x, w, b = tg.randn(n, n), tg.randn(n, n, requires_grad=True), tg.randn(n, requires_grad=True)
    kilobytes = n * n * 4 / 1000

    def kept(compute):
        compute()
        gc.collect()
        tracemalloc.start()
        result = compute()
        size = tracemalloc.get_traced_memory()[0] / 1000
        tracemalloc.stop()
        del result
        return size / kilobytes

    # relu names its output; matmul names x and w, which live anyway; the sum and the product are let go
    assert kept(lambda: tg.relu(x @ w + b)) == pytest.approx(1, abs=0.1)
    assert kept(lambda: tg.relu(nn.functional.linear(x, w, b))) == pytest.approx(1, abs=0.1)
    assert kept(lambda: tg.exp(x + w) + 1.0) == pytest.approx(2, abs=0.1)  # exp's output, and the result
    with tg.no_grad():
        assert kept(lambda: tg.exp(x + w) + 1.0) == pytest.approx(1, abs=0.1)


def test_backward_frees_what_was_saved_while_the_result_lives():
    x = tg.randn(100, 100, requires_grad=True)
    y = tg.exp(x)
    saved = weakref.ref(y.node)
    loss = (y * y).sum()
    del y
    assert saved() is not None
    loss.backward()
    assert saved() is None


def test_the_graph_goes_with_its_last_name(no_garbage_collector):
    x = tg.randn(3, requires_grad=True)
    y = tg.exp(x)
    node = weakref.ref(y.node)
    del y
    assert node() is None
