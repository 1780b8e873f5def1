"""Word2Vec: its objective, what it draws, what it learns, and what it is asked."""

import calendar
import os
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression, Word2Vec
from tinygrad_ml.models.estimator import clone
from tinygrad_ml.models.word_blocks import Blocks
from tinygrad_ml.random import seeded
from tinygrad_ml.sparse import SparseRows
from tinygrad_ml.testing import gradcheck

PETS, BIRDS = ["cat", "dog", "rabbit"], ["duck", "hen", "goose"]
SENTENCES = [f"the {pet} runs and eats grass".split() for pet in PETS] * 60
SENTENCES += [f"a {bird} flies over some water".split() for bird in BIRDS] * 60
SMALL = {"vector_size": 8, "min_count": 1, "random_state": 0}


@pytest.fixture(scope="module", params=["skip-gram", "cbow"])
def model(request):
    return Word2Vec(**SMALL, architecture=request.param, max_iter=30).fit(SENTENCES)


# ---------------------------------------------------------------------- the objective


def block():
    """Return the rows of 5 words, those words and 4 drawn ones, and who is near whom (the last two are a sentence)."""
    words = np.array([[3, 1, 4, 2, 0]])
    candidates = np.concatenate([words, [[5, 0, 1, 5]]], axis=1)
    near = np.zeros((1, 5, 5), bool)
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1), (2, 0), (3, 4)):
        near[0, i, j] = True
    return words, candidates, near


def log_loss(logit, right):
    return np.log1p(np.exp(-logit if right else logit))


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_the_loss_is_that_of_the_papers_pair_by_pair(architecture):
    model = Word2Vec(vector_size=3, negative=2, architecture=architecture).build(6).double()
    random = np.random.default_rng(0)
    v, u = random.normal(size=(6, 3)), random.normal(size=(6, 3))
    model.embedding_.weight.data, model.context_.weight.data = v, u
    words, candidates, near = block()
    total, pairs = 0.0, 0
    for i, word in enumerate(words[0]):
        neighbours = words[0][near[0, i]]
        if architecture == "cbow":
            inputs, outputs = [v[neighbours].mean(axis=0)] if len(neighbours) else [], [word]
        else:
            inputs, outputs = [v[word]], neighbours
        for h in inputs:
            for right in outputs:
                drawn = np.mean([log_loss(h @ u[k], False) for k in candidates[0, 5:]])
                total += log_loss(h @ u[right], True) + 2 * drawn
                pairs += 1
    loss = model.criterion(model(words), candidates, near)
    assert loss.item() == pytest.approx(total / pairs, rel=1e-12)


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_the_gradient_is_right(architecture):
    model = Word2Vec(vector_size=3, architecture=architecture).build(6).double()
    tg.nn.init.normal_(model.context_.weight)
    words, candidates, near = block()
    assert gradcheck(lambda: model.criterion(model(words), candidates, near), params=model)


def test_a_block_without_neighbours_has_a_loss_of_zero():
    model = Word2Vec(vector_size=3).build(6)
    words, candidates, near = block()
    loss = model.criterion(model(words), candidates, near & False)
    loss.backward()
    assert loss.item() == 0
    assert not model.context_.weight.grad.numpy().any()


def test_gradients_are_those_of_a_few_rows():
    model = Word2Vec(vector_size=3).build(1000)
    words, candidates, near = block()
    model.criterion(model(words), candidates, near).backward()
    for table in (model.embedding_, model.context_):
        assert isinstance(table.weight.grad, SparseRows)
        assert len(table.weight.grad.rows) <= candidates.size


def test_the_loss_begins_at_chance_level():
    quiet = Word2Vec(**SMALL, max_iter=1, learning_rate=1e-9)
    with pytest.warns(UserWarning, match=r"that of guessing is 4.159; raise max_iter=1 or learning_rate"):
        quiet.fit(SENTENCES)
    assert quiet.history_["loss"][0] == pytest.approx(6 * np.log(2), rel=1e-3)


def test_steps_that_are_too_long_are_said():
    with pytest.warns(UserWarning, match=r"sgd has not converged.*lower the learning rate"):
        Word2Vec(**SMALL, optimizer="sgd", learning_rate=10.0).fit(SENTENCES)


# ---------------------------------------------------------------------- what is drawn


def blocks(text, **options):
    """Return the batches of a pass over a text, with the words in place of their rows."""
    model = Word2Vec(min_count=1, **options)
    source = model.read(text)
    with seeded(0):
        batches = list(source)
    names = np.array(model.vocabulary_)
    return [(names[words], names[candidates], near) for words, candidates, near in batches]


def test_neighbours_are_words_of_the_same_sentence_within_the_window():
    text = [[f"{s}.{i}" for i in range(n)] for s, n in enumerate([3, 40, 1, 7, 90, 2])]
    seen = Counter()
    for words, _, near in blocks(text, window=4, sample=None):
        for b, i, j in zip(*np.nonzero(near)):
            (s, first), (t, second) = (word.split(".") for word in (words[b, i], words[b, j]))
            assert s == t
            distance = abs(int(first) - int(second))
            assert 1 <= distance <= 4
            assert abs(i - j) == distance
            seen[distance] += 1
    assert seen[1] > seen[2] > seen[3] > seen[4] > 0


def test_each_word_of_a_text_is_looked_at_once_in_a_pass():
    text = [[f"{s}.{i}" for i in range(20)] for s in range(30)]
    seen = Counter(word for words, _, near in blocks(text, sample=None, window=1) for word in words[near.any(axis=2)])
    assert set(seen.values()) == {1}
    assert len(seen) > 0.95 * 600  # a word whose neighbours fall into the next block has none in this pass


def test_near_words_count_more():
    text = [[str(i) for i in range(2000)]]
    seen = Counter()
    for _ in range(3):
        for _, _, near in blocks(text, window=5, sample=None):
            _, i, j = np.nonzero(near)
            seen.update(abs(i - j).tolist())
    shares = np.array([seen[d] / (32 - d) for d in range(1, 6)])  # of the pairs of places at each distance
    np.testing.assert_allclose(shares / shares[0], [1, 0.8, 0.6, 0.4, 0.2], atol=0.03)


def test_frequent_words_are_left_out_as_often_as_mikolov_says():
    random = np.random.default_rng(1)  # with another seed than the draws
    frequency = np.array([0.5, 0.2] + [0.3 / 2000] * 2000)
    text = random.choice(len(frequency), size=(500, 200), p=frequency).astype(str).tolist()
    model = Word2Vec(min_count=1, sample=0.01)
    source = model.read(text)
    with seeded(0):
        kept = Counter(word for words, _, near in source for word in words[near.any(axis=2)].tolist())
    for row, f in ((0, 0.5), (1, 0.2)):
        expected = np.sqrt(0.01 / f) + 0.01 / f
        assert kept[row] / model.counts_[row] == pytest.approx(expected, rel=0.05)
    rare = sum(n for row, n in kept.items() if row > 1)
    assert rare > 0.97 * model.counts_[2:].sum()


def test_few_words_are_not_left_out_for_being_frequent():
    model = Word2Vec(min_count=1)
    assert Blocks.__len__(model.read([["a", "b"], ["b", "a"]])) >= 1
    assert model.read([["a", "b"], ["b", "a"]]).kept.tolist() == [1, 1]


def test_words_are_drawn_by_their_counts_to_the_power_of_three_quarters():
    text = [["a"] * 16 + ["b"] * 1] * 400
    drawn = Counter(word for _, candidates, _ in blocks(text, sample=None) for word in candidates[:, 32:].ravel())
    assert drawn["a"] / drawn["b"] == pytest.approx(8, rel=0.1)


# ---------------------------------------------------------------------- what is learned


def test_words_in_like_places_get_like_vectors(model):
    for kind, other in ((PETS, BIRDS), (BIRDS, PETS)):
        for word in kind:
            assert {found for found, _ in model.most_similar(word, topn=2)} == {*kind} - {word}
        assert model.doesnt_match([*kind, other[0]]) == other[0]
        assert model.similarity(kind[0], kind[1]) > model.similarity(kind[0], other[0])


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_months_are_near_months(architecture):
    if "TINYGRAD_ML_DATA" not in os.environ:
        pytest.skip("TINYGRAD_ML_DATA names no folder")
    lines = [line for part in ("valid", "test") for line in tg.datasets.wikitext2(part).lower().splitlines()]
    model = Word2Vec(architecture=architecture, random_state=0).fit([line.split() for line in lines])
    months = {month.lower() for month in calendar.month_name if month}
    for month in months - {"may"}:  # which is more often a verb
        assert len({word for word, _ in model.most_similar(month, topn=8)} & months) >= 6, month
    assert model.doesnt_match(["two", "three", "june", "four"]) == "june"
    assert "her" in [word for word, _ in model.analogy("he", "his", "she", topn=3)]


def test_the_result_is_decided_by_random_state(model):
    again = clone(model).fit(SENTENCES)
    np.testing.assert_array_equal(again.vectors_, model.vectors_)
    np.testing.assert_array_equal(again.fit(SENTENCES).vectors_, model.vectors_)  # it begins anew
    assert (clone(model).set_params(random_state=1).fit(SENTENCES).vectors_ != model.vectors_).any()


def test_it_can_be_pickled_and_saved(model, tmp_path):
    again = pickle.loads(pickle.dumps(model))
    assert again.most_similar("cat") == model.most_similar("cat")
    other = Word2Vec(vector_size=8).build(len(model.vocabulary_))
    other.load_state_dict(tg.load(tg.save(model, tmp_path / "words.npz")))
    np.testing.assert_array_equal(other.vectors_, model.vectors_)


def test_a_generator_of_sentences_is_read_once():
    expected = Word2Vec(**SMALL).fit(SENTENCES).vectors_
    np.testing.assert_array_equal(Word2Vec(**SMALL).fit(iter(SENTENCES)).vectors_, expected)
    np.testing.assert_array_equal(Word2Vec(**SMALL).fit(tuple(s) for s in SENTENCES).vectors_, expected)


def test_sentences_may_be_arrays():
    model = Word2Vec(**SMALL, max_iter=1).fit(np.array([["a", "b", "c"], ["c", "b", "a"]] * 50))
    assert {type(word) for word in model.vocabulary_} == {str}
    assert model.transform(np.array([["a", "b", "x"]])).shape == (1, 8)


def test_words_may_be_numbers():
    model = Word2Vec(**SMALL, max_iter=1).fit([[1, 2, 3], [3, 2]] * 50)
    assert [word for word, _ in model.most_similar(2)]
    assert set(model.vocabulary_) == {1, 2, 3}


def test_warm_start_goes_on_with_the_words_that_are_known():
    model = Word2Vec(**SMALL, warm_start=True, max_iter=3).fit(SENTENCES)
    words, before = model.vocabulary_, model.history_["loss"][-1]
    model.fit([[*sentence, "new"] for sentence in SENTENCES])
    assert model.vocabulary_ == words
    assert model.history_["loss"][0] < before
    with pytest.raises(ValueError, match="no word has a neighbour"):
        model.fit([["other", "words"]])
    with pytest.raises(ValueError, match="vector_size is 4 now, but the layers were made with 8"):
        model.set_params(vector_size=4).fit(SENTENCES)


def test_a_fit_that_fails_leaves_the_model_as_it_was(model):
    model = pickle.loads(pickle.dumps(model))
    before = model.most_similar("cat")
    with pytest.raises(ValueError, match="no words"):
        model.fit([])
    assert model.most_similar("cat") == before


# ---------------------------------------------------------------------- the vocabulary


def test_rare_words_are_left_out_and_windows_close_over_them():
    model = Word2Vec(min_count=2, window=1, sample=None)
    text = [["x", "rare", "y"], ["y", "x"]]
    source = model.read(text)
    assert (model.vocabulary_, model.counts_.tolist()) == (["x", "y"], [2, 2])
    with seeded(0):
        near = sum(near.sum() for _, _, near in source)
    assert near == 4


def test_the_vocabulary_is_in_the_order_of_frequency():
    model = Word2Vec(min_count=1, max_iter=1).fit([["b", "a", "b", "c", "a", "b"]] * 20)
    assert model.vocabulary_ == ["b", "a", "c"]
    assert model.counts_.tolist() == [60, 40, 20]
    assert model.index_ == {"b": 0, "a": 1, "c": 2}
    assert "a" in model
    assert "d" not in model
    assert "a" not in Word2Vec()


@pytest.mark.parametrize(
    ("sentences", "options", "error", "says"),
    [
        ("one text", {}, TypeError, r"not str; of a text, give \[line.split\(\) for line"),
        (["a text", "of sentences"], {}, TypeError, r"sentence 0 is 'a text'.*sentence.split\(\)"),
        ([["a", "b"], "text"], {}, TypeError, "sentence 1 is 'text'"),
        ([b"bytes"], {}, TypeError, "sentence 0"),
        ([1, 2], {}, TypeError, "sentence 0 is 1"),
        (None, {}, TypeError, "not NoneType"),
        ([["a", ["b"]]], {}, TypeError, "is among the words, a list"),
        ([], {}, ValueError, "sentences has no words"),
        ([[], []], {}, ValueError, "sentences has no words"),
        ([["a", "b", "a"]], {"min_count": 5}, ValueError, "min_count=5 times, the most frequent, 'a', 2 times"),
        ([["a", "a"]], {"min_count": 1}, ValueError, "only one word, 'a'"),
        ([["a"], ["b"]], {"min_count": 1}, ValueError, "no word has a neighbour"),
        (SENTENCES, {"window": 0}, ValueError, "window must be a whole number"),
        (SENTENCES, {"architecture": "glove"}, ValueError, r"one of \('skip-gram', 'cbow'\)"),
        (SENTENCES, {"sample": -1}, ValueError, "sample must be"),
    ],
)
def test_what_cannot_be_learned_from_is_said(sentences, options, error, says):
    model = Word2Vec(**options)
    with pytest.raises(error, match=says):
        model.fit(sentences)
    assert not model.__sklearn_is_fitted__()


def test_names_of_other_libraries_are_pointed_out():
    with pytest.raises(TypeError, match="max_iter="):
        Word2Vec(epochs=3)
    with pytest.raises(TypeError, match="architecture="):
        Word2Vec(sg=1)
    with pytest.raises(TypeError, match=r"it belongs to the model: Word2Vec\(max_iter="):
        Word2Vec().fit(SENTENCES, epochs=3)


# ---------------------------------------------------------------------- questions


def cosines(model, direction):
    v = model.vectors_.astype(float)
    return v @ direction / np.linalg.norm(v, axis=1) / np.linalg.norm(direction)


def unit(v):
    return v / np.linalg.norm(v)


def test_the_most_similar_words_are_those_with_the_largest_cosines(model):
    expected = cosines(model, model["cat"])
    order = [i for i in np.argsort(-expected) if model.vocabulary_[i] != "cat"]
    for (word, cosine), i in zip(model.most_similar("cat", topn=100), order, strict=True):
        assert word == model.vocabulary_[i]
        assert cosine == pytest.approx(expected[i], abs=1e-6)
    assert model.most_similar("cat", topn=2) == model.most_similar("cat")[:2]
    assert model.most_similar("cat", topn=0) == []
    assert model.similarity("cat", "hen") == pytest.approx(expected[model.index_["hen"]], abs=1e-6)


def test_an_analogy_adds_and_subtracts_unit_vectors(model):
    direction = unit(model["duck"]) - unit(model["cat"]) + unit(model["runs"])
    expected = cosines(model, direction)
    answers = model.analogy("cat", "duck", "runs", topn=100)
    assert answers == model.most_similar(["duck", "runs"], ["cat"], topn=100)
    assert {word for word, _ in answers} == {*model.vocabulary_} - {"cat", "duck", "runs"}
    assert answers[0][1] == pytest.approx(max(expected[model.index_[word]] for word, _ in answers), abs=1e-6)


def test_a_vector_may_stand_for_a_word(model):
    assert model.most_similar(model["cat"], topn=1)[0] == ("cat", pytest.approx(1))
    by_vectors = model.most_similar([model["cat"], model["dog"]], topn=50)
    asked = [pair for pair in by_vectors if pair[0] not in ("cat", "dog")]
    assert [word for word, _ in asked] == [word for word, _ in model.most_similar(["cat", "dog"], topn=50)]


def test_the_word_that_does_not_match_is_farthest_from_the_mean(model):
    words = ["cat", "dog", "water", "rabbit", "grass"]
    vectors = [unit(model[word]) for word in words]
    mean = np.mean(vectors, axis=0)
    assert model.doesnt_match(words) == words[int(np.argmin([v @ mean for v in vectors]))]


def test_what_is_not_known_is_said(model):
    for ask in (model.most_similar, lambda word: model[word], lambda word: model.doesnt_match(["cat", word])):
        with pytest.raises(KeyError, match=r"'rabbits' is not among the 16 words that it knows.*Did you mean 'rabbit'"):
            ask("rabbits")
    for wrong in (lambda: model.most_similar([]), lambda: model.doesnt_match("cat")):
        with pytest.raises(ValueError, match=r"most_similar: give it a word|at least 2 words"):
            wrong()
    with pytest.raises(TypeError, match=r"does not know the argument 'n'.*topn"):
        model.most_similar("cat", n=3)
    with pytest.raises(ValueError, match="topn must be a whole number"):
        model.most_similar("cat", topn=-1)
    for early in (lambda: Word2Vec().most_similar("cat"), lambda: Word2Vec().vectors_, lambda: Word2Vec()["cat"]):
        with pytest.raises((ValueError, AttributeError), match=r"fit\(sentences\)"):
            early()


def test_vectors_are_copies(model):
    model.vectors_[:] = 0
    model["cat"][:] = 0
    model[["cat", "dog"]][:] = 0
    assert model.vectors_.all()


# ---------------------------------------------------------------------- sentences


def test_a_sentence_is_its_counts_times_the_vectors(model):
    text = [["cat", "cat", "unknown"], [], ["unknown"], ["hen", "cat"]]
    counts = np.array([[sentence.count(word) for word in model.vocabulary_] for sentence in text])
    np.testing.assert_allclose(model.transform(text), counts @ model.vectors_, atol=1e-6)
    with pytest.raises(TypeError, match=r"sentence.split\(\)"):
        model.transform(["cat dog"])
    assert model.transform([]).shape == (0, 8)


def test_it_stands_in_a_pipeline():
    pipeline = pytest.importorskip("sklearn.pipeline")
    kind = [any(word in BIRDS for word in sentence) for sentence in SENTENCES]
    both = pipeline.make_pipeline(Word2Vec(**SMALL), LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the kinds are separable
        assert both.fit(SENTENCES, kind).score(SENTENCES, kind) == 1
    again = Word2Vec(**SMALL)
    np.testing.assert_array_equal(again.fit_transform(iter(SENTENCES)), again.transform(SENTENCES))
