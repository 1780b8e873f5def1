"""Embeddings: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import Word2Vec

pytestmark = pytest.mark.slow
MONTHS = set(
    re.findall(r"\w+", "january february march april may june july august september october november december")
)


def test_what_the_chapter_says(tmp_path):
    text = run(23, tmp_path, "--quick")
    assert numbers(r"the largest difference is (.+): 150 numbers .* of (.+) multiplications", text) == [0, 1_500_000]
    assert "those of the words [3, 7]." in text
    loss, guessing = numbers(r"Loss (.+); by guessing (.+)\.\n", text)
    assert loss < guessing - 1
    assert guessing == pytest.approx(6 * np.log(2), abs=0.01)
    assert len(MONTHS & set(re.findall(r"\w+", *re.findall("Near june: (.+)", text)))) >= 4
    three = set(re.findall(r"\w+", *re.findall("Near three: (.+)", text)))
    assert len(three & {"two", "four", "five", "six", "seven", "eight", "nine", "ten"}) >= 3
    assert "he is to his as she is to: her" in text
    assert numbers(r"the sums of the vectors, to within (.+)\.\n", text)[0] < 1e-5
    of_counts, of_sums = (
        numbers(rf"By {k}, .* hurricane is (.+), .* and song (.+)\.\n", text) for k in ("counts", "sums")
    )
    assert of_counts == [0, 0]
    assert of_sums[0] > of_sums[1] + 0.2
    assert 20 < numbers(r"explains (.+)% of the variance", text)[0] < 100


def test_exercise_1_a_sum_does_not_know_the_order():
    pets = [f"{a} {verb} {b}".split() for a in ("dog", "man") for verb in ("bites", "sees") for b in ("dog", "man")]
    model = Word2Vec(vector_size=8, min_count=1, max_iter=2, random_state=0).fit(pets * 50)
    one, other = model.transform([["dog", "bites", "man"], ["man", "bites", "dog"]])
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
    assert np.abs(one).max() > 0


@pytest.mark.parametrize("weight_decay", [0, 0.1])
def test_exercise_2_two_rows_or_with_weight_decay_all(weight_decay):
    tg.manual_seed(0)
    table = tg.nn.Embedding(1000, 50)
    before = table.weight.numpy().copy()
    optimizer = tg.optim.SGD(table.parameters(), lr=0.1, weight_decay=weight_decay)
    (table(np.array([3, 7, 3])) ** 2).sum().backward()
    optimizer.step()
    changed = np.flatnonzero((table.weight.numpy() != before).any(axis=1)).tolist()
    assert changed == (list(range(1000)) if weight_decay else [3, 7])


def test_exercise_3_without_order_the_months_are_no_longer_alike():
    try:
        text = tg.datasets.wikitext2("valid").lower().replace("<unk>", "")
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    shuffled = np.random.default_rng(0).permutation([word for line in lines for word in line])
    parts = np.split(shuffled, np.cumsum([len(line) for line in lines])[:-1])
    found = []
    for sentences in (lines, [part.tolist() for part in parts]):
        model = Word2Vec(architecture="cbow", random_state=0).fit(sentences)
        found.append(len(MONTHS & {word for word, _ in model.most_similar("june", topn=5)}))
    assert found[0] >= 4
    assert found[1] <= 1
