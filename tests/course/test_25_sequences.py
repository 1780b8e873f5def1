"""Sequences: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import nn
from tinygrad_ml.models import CharRNN

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(25, tmp_path, "--quick")
    assert numbers(r"the state differs by (.+) at most", text)[0] < 1e-6
    for factor in ("0.5", "1", "1.5"):
        measured, power = numbers(rf"eigenvalue {factor}: .* has (.+) times its size; .* is (.+)\.\n", text)
        assert power == pytest.approx(float(factor) ** 49, rel=0.05)
        assert power / 2 < measured < power * 2
    forgets, remembers = (numbers(rf"{name}: (.+)% of 500 new sequences", text)[0] for name in ("RNN", "LSTM"))
    assert forgets < 35
    assert remembers > 90
    assert numbers(r"forgetting over time\. The first input gets (.+) times", text)[0] < 1e-6
    assert numbers(r"no illness\. The first input gets (.+) times", text)[0] > 0.01
    kinds, letters = numbers(r"characters of (\d+) kinds\. .* wavers among (.+)\.\n", text)
    before, once, last = numbers(r"among (.+) before learning, (.+) after one pass, (.+) after \d+\.\n", text)
    assert before == pytest.approx(kinds, rel=0.05)
    assert last < once < letters < kinds
    assert "After learning:\n    ROMEO:\n" in text


def test_exercise_1_closed_gates_forget():
    received = {}
    for bias in (-5, 5):
        tg.manual_seed(0)
        lstm = nn.LSTM(8, 32, batch_first=True)
        lstm.bias_hh_l0.data[32:64] = bias
        x = tg.randn(10, 50, 8).requires_grad_()
        lstm(x)[0][:, -1].sum().backward()
        norms = np.linalg.norm(x.grad.numpy().astype(float), axis=(0, 2))
        received[bias] = norms[0] / norms[-1]
    assert received[-5] < 1e-20
    assert received[5] > 0.1


def test_exercise_2_it_is_the_number_of_characters():
    text = "the quick brown fox jumps over the lazy dog. " * 5
    model = CharRNN(hidden_size=8, max_iter=20, learning_rate=0.02, random_state=0).fit(text)
    for parameter in model.output_.parameters():
        nn.init.zeros_(parameter)
    assert model.perplexity(text) == pytest.approx(len(set(text)))


def test_exercise_3_a_temperature_is_boldness():
    model = CharRNN(hidden_size=32, max_iter=20, learning_rate=0.01, random_state=0).fit("tick tack tock tuck " * 40)
    logits = model(model.encode("tick t")).numpy()[0, -1].astype(float)

    def entropy(temperature):
        p = np.exp((logits - logits.max()) / temperature)
        p /= p.sum()
        return -(p * np.log(p + 1e-300)).sum()

    spread = [entropy(t) for t in (0.1, 0.5, 1, 2, 1000)]
    assert spread == sorted(spread)
    assert spread[-1] == pytest.approx(np.log(len(model.characters_)), abs=0.01)
    cold, hot = ({model.generate("tick t", 30, t, random_state=seed) for seed in range(5)} for t in (0, 1))
    assert len(cold) == 1
    assert len(hot) > 1
