"""Convolution: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run


@pytest.mark.slow
def test_what_the_chapter_says(tmp_path):
    text = run(24, tmp_path, "--quick")
    assert numbers(r"largest difference is (.+)\.\n", text)[0] < 1e-5
    few, many = numbers(r"3 x 3 pixels has (\d+) weights .* would have ([\d,]+)\.", text)
    assert few == 8 * (9 + 1)
    assert many == (28 * 28 + 1) * 8 * 28 * 28
    plain, pooled, twice = numbers(r"the filters by (\d+)%, pooled by (\d+)%, pooled twice by (\d+)%", text)
    assert 0 < twice < pooled < plain
    assert numbers(r"(\S+)% of the held-out digits are read, after \d+ s", text)[0] > 80
    mean, largest = numbers(r"the correlation is (.+) on average, and (.+) for filter", text)
    assert 0.4 < mean <= largest <= 1
    shares = re.findall(r"(\S+)% of the held-out digits are read, and (\S+)% when shifted", text)
    before, same, copies = ([float(x) for x in row] for row in shares)
    assert before[1] < before[0] - 30
    assert same[1] < same[0] - 30
    assert copies[1] > same[1] + 15
    assert copies[0] > 80


def test_exercise_1_a_pixel_for_every_second_place():
    answer = tg.conv2d(tg.ones((1, 28, 28)), tg.ones((3, 1, 5, 5)), padding=2, stride=2)
    assert answer.shape == (3, 14, 14)
    assert (28 + 2 * 2 - 5) // 2 + 1 == 14


def test_exercise_2_rows_of_patches_times_columns_of_filters():
    random = np.random.default_rng(0)
    image, filters = random.normal(size=(2, 6, 7)), random.normal(size=(4, 2, 3, 3))
    patches = np.array([image[:, i : i + 3, j : j + 3].ravel() for i in range(4) for j in range(5)])
    answer = (patches @ filters.reshape(4, -1).T).T.reshape(4, 4, 5)
    np.testing.assert_allclose(answer, tg.conv2d(tg.tensor(image), tg.tensor(filters)).numpy(), atol=1e-12)


def test_exercise_3_a_shift_before_is_a_shift_after_but_not_with_pooling():
    random = np.random.default_rng(0)
    image, filters = random.normal(size=(1, 12, 12)), random.normal(size=(2, 1, 3, 3))

    def convolved(image):
        return tg.conv2d(tg.tensor(image), tg.tensor(filters)).numpy()

    before, after = convolved(np.roll(image, 1, axis=2)), np.roll(convolved(image), 1, axis=2)
    np.testing.assert_allclose(before[:, :, 1:], after[:, :, 1:], atol=1e-12)
    assert not np.allclose(before[:, :, 0], after[:, :, 0])
    pooled = [tg.nn.functional.max_pool2d(tg.tensor(x), 2).numpy()[:, :, 1:] for x in (before, np.roll(after, -1, 2))]
    assert not np.allclose(*pooled)
