"""EmbeddingClassifier and EmbeddingRegressor: frames that mix categories with numbers."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import EmbeddingClassifier, EmbeddingRegressor, MLPClassifier, MLPRegressor
from tinygrad_ml.models.estimator import clone
from tinygrad_ml.models.mixed_columns import MixedColumns, MixedInputs
from tinygrad_ml.testing import gradcheck

FAST = {"hidden_layer_sizes": (8,), "learning_rate": 0.03, "max_iter": 15, "tol": 0, "random_state": 0}
random = np.random.default_rng(0)
N = 120
COLOURS = random.choice(["red", "green", "blue"], N)
USERS = random.integers(0, 9, N)
SIZES = random.normal(50, 20, N)
ROWS = [list(row) for row in zip(COLOURS.tolist(), SIZES.tolist(), USERS.tolist())]
EFFECT = np.where(COLOURS == "red", 1.0, -1.0) + (SIZES - 50) / 20
LABELS = EFFECT > 0


def table(kind):
    """Return the rows as a table of a kind, with the module that it is of where that is there."""
    if kind == "rows":
        return ROWS
    if kind == "objects":
        return np.array(ROWS, dtype=object)
    frame = pytest.importorskip("pandas").DataFrame(ROWS, columns=["colour", "size", "user"])
    if kind.startswith("polars"):
        polars = pytest.importorskip("polars")
        frame = polars.DataFrame({name: frame[name].tolist() for name in frame.columns})
        return frame.with_columns(frame["colour"].cast(polars.Categorical)) if kind == "polars categories" else frame
    dtypes = {"pandas categories": {"colour": "category"}, "pandas strings": {"colour": "string", "user": "Int64"}}
    return frame.astype(dtypes.get(kind, {}))


@pytest.fixture
def frame():
    return pytest.importorskip("pandas").DataFrame(ROWS, columns=["colour", "size", "user"])


# ---------------------------------------------------------------------- the network


def test_ids_are_looked_up_and_numbers_standardised():
    train = [[1.0, "a", 10, "p"], [3.0, "b", 10, "q"], [1.0, "a", 10, "r"], [3.0, "a", 10, "s"]]
    model = EmbeddingRegressor(embedding_dim=2)
    inputs = MixedColumns(model, train).inputs(model).double()
    x = np.array([[1.0, 2, 10, 4], [5.0, 0, 11, 1]])
    first, second = (table.weight.numpy() for table in inputs.tables)
    expected = np.column_stack([(x[:, 0] - 2) / 1, x[:, 2] - 10, first[[2, 0]], second[[4, 1]]])
    np.testing.assert_allclose(inputs(tg.tensor(x)).numpy(), expected)
    assert inputs.n_outputs == expected.shape[1]


@pytest.mark.parametrize("tables", [{0: (3, 2)}, {0: (3, 2), 1: (3, 1)}, {}])
def test_the_gradient_is_right(tables):
    inputs = MixedInputs(3, tables).double()
    ids, numbers = np.array([[1.0, 2.0], [2.0, 0.0], [1.0, 1.0]]), np.array([[0.5], [3.0], [1.0]])
    assert gradcheck(lambda x: inputs(tg.concatenate([tg.tensor(ids), x], axis=1)), numbers, params=inputs)


def test_ids_are_dropped_in_training_only():
    tg.manual_seed(0)
    inputs = MixedInputs(1, {0: (2, 1)}, id_dropout=0.25)
    inputs.tables[0].weight.data = np.array([[0.0], [1.0]])
    x = tg.ones(4000, 1)
    assert inputs(x).numpy().mean() == pytest.approx(0.75, abs=0.03)
    assert (inputs.eval()(x).numpy() == 1).all()


@pytest.mark.parametrize(
    ("embedding", "plain"), [(EmbeddingClassifier, MLPClassifier), (EmbeddingRegressor, MLPRegressor)]
)
def test_of_numbers_alone_it_is_a_perceptron_on_standardised_features(embedding, plain):
    X, y = random.normal(3, 7, size=(60, 4)), LABELS[:60] if plain is MLPClassifier else EFFECT[:60]
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(
        embedding(**FAST).fit(X, y)._outputs(X), plain(**FAST).fit(scaled, y)._outputs(scaled), rtol=1e-9, atol=1e-9
    )


def test_a_category_is_a_one_hot_times_its_table(frame):
    model = EmbeddingClassifier(**FAST).fit(frame, LABELS)
    table = model.input_.tables[0].weight.numpy()
    one_hot = np.array([[colour == known for known in (None, *model.columns_.ids[0])] for colour in COLOURS], float)
    np.testing.assert_allclose(model.input_(tg.tensor(model.encode(frame))).numpy()[:, 2:], one_hot @ table)


def test_it_is_drawn(frame):
    model = EmbeddingClassifier(**FAST).fit(frame, LABELS)
    assert "embedding" in str(tg.draw(model, model.encode(frame[:3])))


# ---------------------------------------------------------------------- what it reads


@pytest.mark.parametrize(
    "kind", ["rows", "objects", "pandas", "pandas categories", "pandas strings", "polars", "polars categories"]
)
def test_tables_of_all_kinds_give_the_same_model(kind):
    X = table(kind)
    expected = EmbeddingClassifier(**FAST).fit(ROWS, LABELS)
    model = EmbeddingClassifier(**FAST).fit(X, LABELS)
    assert model.columns_.ids == {0: {"blue": 1, "green": 2, "red": 3}}
    np.testing.assert_array_equal(model.decision_function(X), expected.decision_function(ROWS))
    assert model.score(X, LABELS) > 0.9


def test_the_columns_of_categories_may_be_named(frame):
    for names, X in ((["colour", "user"], frame), ([0, 2], frame), ([0, 2], ROWS), (["user", "colour"], frame)):
        model = EmbeddingClassifier(**FAST, categories=names).fit(X, LABELS)
        assert list(model.columns_.ids) == [0, 2]
        assert model.columns_.ids[2] == {user: user + 1 for user in range(9)}
    numbers = frame[["size", "user"]].to_numpy()
    model = EmbeddingClassifier(**FAST, categories=[1]).fit(numbers, LABELS)
    np.testing.assert_array_equal(model.encode(numbers)[:, 1], USERS + 1)
    np.testing.assert_array_equal(numbers[:, 1], USERS)  # which is not changed


def test_unknown_and_missing_categories_are_id_0(frame):
    frame = frame.assign(user=frame["user"].astype(float))
    frame.loc[3, "colour"] = None
    frame.loc[4, "user"] = np.nan
    model = EmbeddingRegressor(**FAST, categories=["colour", "user"]).fit(frame, EFFECT)
    assert model.encode(frame)[3, 0] == 0
    assert model.encode(frame)[4, 2] == 0
    strange = frame[:3].assign(colour=["mauve", None, "red"], user=[1, 77, 2])
    np.testing.assert_array_equal(model.encode(strange)[:, [0, 2]], [[0, 2], [0, 0], [3, 3]])
    assert np.isfinite(model.predict(strange)).all()


def test_the_vector_of_unknown_ids_is_learned():
    rows = [[str(k % 10)] for k in range(400)]  # each is 2 or 4, on average 3
    y = np.array([2.0 + 2 * (k % 2) for k in range(400)])
    options = FAST | {"max_iter": 60, "hidden_layer_sizes": ()}
    model = EmbeddingRegressor(**options, id_dropout=0.3).fit(rows, y)
    assert model.predict([["never seen"]])[0] == pytest.approx(3, abs=0.25)
    assert model.predict([["0"], ["1"]]) == pytest.approx([2, 4], abs=0.3)


def test_rare_categories_count_as_unknown():
    rows = [["often"], ["often"], ["twice"], ["twice"], ["once"], ["often"]]
    model = EmbeddingRegressor(**FAST, min_count=2).fit(rows, np.arange(6.0))
    assert model.columns_.ids == {0: {"often": 1, "twice": 2}}
    np.testing.assert_array_equal(model.encode(rows)[:, 0], [1, 1, 2, 2, 0, 1])
    assert EmbeddingRegressor(**FAST, min_count=9).fit(rows, np.arange(6.0)).columns_.ids == {0: {}}


def test_samples_without_weight_are_as_if_they_were_not_there(frame):
    weight = (COLOURS != "green").astype(float)
    model = EmbeddingClassifier(**FAST).fit(frame, LABELS, sample_weight=weight)
    other = EmbeddingClassifier(**FAST).fit(frame[weight > 0], LABELS[weight > 0])
    assert model.columns_.ids == other.columns_.ids == {0: {"blue": 1, "red": 2}}
    np.testing.assert_allclose(model.decision_function(frame), other.decision_function(frame))


def test_later_calls_keep_the_ids(frame):
    model = EmbeddingClassifier(**FAST).partial_fit(frame[:60], LABELS[:60], classes=[False, True])
    known = pickle.loads(pickle.dumps(model.columns_.ids))
    model.partial_fit(frame[60:].assign(colour="new"), LABELS[60:])
    assert model.columns_.ids == known
    warm = EmbeddingClassifier(**FAST, warm_start=True).fit(frame, LABELS)
    known = pickle.loads(pickle.dumps(warm.columns_.ids))
    assert warm.fit(frame.assign(colour="new"), LABELS).columns_.ids == known
    assert EmbeddingClassifier(**FAST).fit(frame, LABELS).fit([["a"], ["b"]] * 9, [0, 1] * 9).columns_.ids == {
        0: {"a": 1, "b": 2}
    }


def test_validation_and_early_stopping_read_frames(frame):
    model = EmbeddingClassifier(**FAST | {"early_stopping": True}).fit(frame, LABELS)
    assert model.score(frame, LABELS) > 0.85
    strange = frame.assign(colour="new")
    history = (
        EmbeddingClassifier(**FAST).fit(frame, LABELS, validation=(strange, LABELS), metrics=["accuracy"]).history_
    )
    assert len(history["validation_accuracy"]) == 15


# ---------------------------------------------------------------------- as estimators


@pytest.mark.parametrize(("model", "y"), [(EmbeddingClassifier(**FAST), LABELS), (EmbeddingRegressor(**FAST), EFFECT)])
def test_the_result_is_decided_by_random_state(model, y):
    first = clone(model).fit(ROWS, y)
    second = clone(model).fit(ROWS, y)
    np.testing.assert_array_equal(first._outputs(ROWS), second._outputs(ROWS))
    np.testing.assert_array_equal(second.fit(ROWS, y)._outputs(ROWS), first._outputs(ROWS))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(ROWS), first.predict(ROWS))
    other = clone(model).set_params(random_state=1).fit(ROWS, y)
    assert (other._outputs(ROWS) != first._outputs(ROWS)).any()
    assert first.score(ROWS, y) > 0.85


def test_weights_go_into_a_model_that_was_only_built(frame, tmp_path):
    model = EmbeddingRegressor(**FAST).fit(frame, EFFECT)
    other = EmbeddingRegressor(**FAST)
    other.columns_ = model.columns_
    other.build(3).double().load_state_dict(tg.load(tg.save(model, tmp_path / "weights.npz")))
    np.testing.assert_array_equal(other.predict(frame), model.predict(frame))


def test_what_is_built_by_hand_reads_numbers():
    model = EmbeddingClassifier((4,)).build(3, 2).double()
    assert gradcheck(lambda x: model.criterion(model(x), np.array([0, 1])), random.normal(size=(2, 3)), params=model)
    assert model.predict(random.normal(size=(5, 3))).shape == (5,)


def test_several_outputs_and_labels(frame):
    both = EmbeddingRegressor(**FAST).fit(frame, np.column_stack([EFFECT, -EFFECT])).predict(frame)
    assert both.shape == (N, 2)
    labels = np.column_stack([LABELS, SIZES > 50]).astype(int)
    assert EmbeddingClassifier(**FAST).fit(frame, labels).predict(frame).shape == (N, 2)


def test_it_works_in_scikit_learns_tools(frame):
    selection = pytest.importorskip("sklearn.model_selection")
    assert selection.cross_val_score(EmbeddingClassifier(**FAST), frame, LABELS, cv=3).mean() > 0.8
    search = selection.GridSearchCV(EmbeddingClassifier(**FAST), {"embedding_dim": [1, 3]}, cv=2).fit(frame, LABELS)
    assert search.best_estimator_.input_.tables[0].embedding_dim in (1, 3)


def test_float32_stays_float32():
    X = np.column_stack([USERS, SIZES]).astype(np.float32)
    model = EmbeddingRegressor(**FAST, categories=[0]).fit(X, EFFECT)
    assert model.predict(X).dtype == np.float32


# ---------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("X", "options", "error", "says"),
    [
        (ROWS, {"categories": ["nope"]}, ValueError, "'nope' is not one of the columns 0, 1, 2"),
        (ROWS, {"categories": [0, 0]}, ValueError, "a column is named twice"),
        (ROWS, {"categories": [2]}, ValueError, "column 0 holds strings, too"),
        (ROWS, {"categories": "colour"}, ValueError, "categories must be 'auto', or a list"),
        (ROWS, {"id_dropout": 2}, ValueError, "id_dropout must be a number from 0 to 1"),
        (np.array(ROWS), {}, ValueError, "column 1 holds numbers as strings.*dtype=object"),
        ([["a", 1.0], [2, 3.0]] * (N // 2), {}, TypeError, "column 0 mixes int and str"),
        ([["a", np.nan]] * N, {}, ValueError, "NaN at row 0, column 1"),
        ([["a", [1]]] * N, {"categories": [0, 1]}, TypeError, "column 1 has a list"),
        (["a"] * N, {}, ValueError, "Reshape your data"),
        ([["a", 1.0], ["b"]] * (N // 2), {}, ValueError, "Reshape your data"),
    ],
)
def test_what_cannot_be_read_is_said(X, options, error, says):
    with pytest.raises(error, match=says):
        EmbeddingClassifier(**FAST | options).fit(X, LABELS)


def test_another_type_of_categories_is_said():
    model = EmbeddingClassifier(**FAST).fit([["1"], ["2"]] * 20, [0, 1] * 20)
    with pytest.warns(
        UserWarning, match="column 0 holds numbers, and held strings in fit, so all of them count as unkn"
    ):
        model.predict([[1], [2]])
    with pytest.raises(ValueError, match="X has 2 features, but EmbeddingClassifier is expecting 1 features"):
        model.predict([["1", 1]])


def test_columns_that_are_missing_are_named(frame):
    model = EmbeddingClassifier(**FAST).fit(frame, LABELS)
    with pytest.raises(ValueError, match="yet now missing:\n- user"):
        model.predict(frame[["colour", "size"]])


def test_a_frame_is_encoded_before_forward_reads_it(frame):
    model = EmbeddingClassifier(**FAST).fit(frame, LABELS)
    assert model(model.encode(frame)).shape == (N, 1)
    with pytest.raises(TypeError, match=r"this is a frame: give model.encode\(frame\)"):
        model(frame)


def test_the_column_of_a_gap_is_named(frame):
    gaps = frame.assign(size=frame["size"].mask(frame["size"] > 50))
    for model in (EmbeddingRegressor(**FAST), MLPRegressor(**FAST)):
        numbers = gaps if isinstance(model, EmbeddingRegressor) else gaps[["size"]]
        with pytest.raises(ValueError, match=r"NaN at row \d+, column \d, 'size'\); .*tg.features.Impute"):
            model.fit(numbers, EFFECT)
