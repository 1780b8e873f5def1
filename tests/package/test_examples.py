"""The examples that tell a story: they run, and what they say is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
STORIES = [
    "conv_net.py",
    "denoising.py",
    "housing.py",
    "linear_regression.py",
    "local_regression.py",
    "logistic_regression.py",
    "long_memory.py",
    "many_classes.py",
    "mlp_dropout.py",
    "quickstart.py",
    "several_labels.py",
    "shakespeare.py",
    "sick_network.py",
    "softmax_regression.py",
    "spam.py",
    "steps_and_periods.py",
    "titanic.py",
    "transformer.py",
    "users_and_films.py",
    "word_vectors.py",
]
NO_OTHERS = {"housing.py": "california_housing", "spam.py": "sms_spam", "titanic.py": "titanic"}  # story: its data
WITH_REAL_DATA = [
    "conv_net.py",
    "denoising.py",
    "linear_regression.py",
    "mlp_dropout.py",
    "shakespeare.py",
    "steps_and_periods.py",
    "transformer.py",
    "word_vectors.py",
    *NO_OTHERS,
]


@pytest.fixture(autouse=True)
def _extras():
    for package in ("sklearn", "matplotlib", "tqdm", "pandas"):
        pytest.importorskip(package)


@pytest.fixture
def data():
    folder = os.environ.get("TINYGRAD_ML_DATA")
    if not folder:
        pytest.skip("needs the real data in the folder that TINYGRAD_ML_DATA names")
    return folder


def run(name, output, *arguments, data=None):
    """Return what an example prints, with the real data in a folder or without them."""
    environment = os.environ | {"TINYGRAD_ML_OUTPUT": str(output), "MPLBACKEND": "Agg"}
    environment.pop("TINYGRAD_ML_DATA", None)
    environment["XDG_CACHE_HOME"] = str(output / "cache")
    if not data:  # and without a network
        environment["https_proxy"] = environment["HTTPS_PROXY"] = "http://127.0.0.1:9"
    if data:
        environment["TINYGRAD_ML_DATA"] = data
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def found(pattern, text):
    """Return the numbers that the groups of a pattern match, at the only place where it matches."""
    (groups,) = re.findall(pattern, text)
    return [float(number) for number in ([groups] if isinstance(groups, str) else groups)]


def check_story(text, folder):
    assert "Try next" in text
    assert not re.search(r"\b(nan|inf)\b", text.replace("the loss is inf", ""))
    pictures = [path for path in folder.iterdir() if path.suffix == ".png"]
    assert pictures
    for picture in pictures:
        assert str(picture) in text
        assert picture.stat().st_size > 10_000


# ---------------------------------------------------------------------- in quick mode


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STORIES if name not in NO_OTHERS])
def test_a_story_runs_on_built_in_data_and_draws_the_pictures_that_it_names(name, tmp_path):
    check_story(run(name, tmp_path, "--quick"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({path.name for path in EXAMPLES.glob("*.py")} - set(STORIES)))
def test_the_other_examples_run(name, tmp_path):
    assert run(name, tmp_path, "--quick")


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_REAL_DATA)
def test_a_story_runs_on_real_data_and_draws_the_pictures_that_it_names(name, tmp_path, data):
    check_story(run(name, tmp_path, "--quick", data=data), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", NO_OTHERS)
def test_a_story_that_needs_its_data_says_so(name, tmp_path):
    says = rf"'{NO_OTHERS[name]}' is not on this machine.*{NO_OTHERS[name]}/\w+(\.csv)? in the folder"
    with pytest.raises(AssertionError, match=says):
        run(name, tmp_path)


@pytest.mark.slow
def test_the_convolutional_network_goes_on_where_it_stopped(tmp_path):
    first = run("conv_net.py", tmp_path, "--quick")
    again = run("conv_net.py", tmp_path, "--quick")
    assert "Going on from" in again
    wanted = r"[\d.]+% of the test images are read correctly.*"
    assert re.findall(wanted, again) == re.findall(wanted, first) != []


# ---------------------------------------------------------------------- what they say


@pytest.mark.slow
def test_the_quickstart_reads_97_percent_of_the_test_digits(tmp_path):
    text = run("quickstart.py", tmp_path)
    accuracies = dict(re.findall(r"^(.+): ([\d.]+)% of the test images", text, re.MULTILINE))
    assert float(accuracies["MLP"]) >= 97
    assert float(accuracies["Softmax regression"]) >= 93


@pytest.mark.slow
def test_descents_reach_the_closed_form_outliers_move_least_squares_and_lasso_has_zeros(tmp_path):
    text = run("linear_regression.py", tmp_path)
    assert found(r"full batch.* end ([\d.]+)% from the closed form", text)[0] < 0.1
    assert "later it diverges: the loss is inf" in text
    squared, absolute = found(r"by ([\d.]+) if it minimises the squared error, and by ([\d.]+), less", text)
    assert squared > 5 * absolute
    first, middle, last = found(r"lasso: .* (\d+) are exactly zero at first, (\d+) in the middle and (\d+)", text)
    assert 0 == first < middle < last == 10


@pytest.mark.slow
def test_local_lines_are_nearer_to_the_curve_than_one_line_or_the_noise(tmp_path):
    text = run("local_regression.py", tmp_path)
    mean, line = found(r"is: ([\d.]+) from the curve.*\n.*line: ([\d.]+) from", text)
    chosen = found(r"cross-validation chose: ([\d.]+)\.\n", text)[0]
    narrow, wide = found(r"follows the noise: ([\d.]+) from.*\n.*straight line: ([\d.]+) from", text)
    assert 2 * chosen < narrow < wide == line <= mean


@pytest.mark.slow
def test_the_noise_falls_with_the_batch_and_ends_with_the_learning_rate(tmp_path):
    text = run("steps_and_periods.py", tmp_path, "--quick")
    one, twenty, all_of_them = [float(number) for number in re.findall(r"deviation (\d+\.\d+)", text)]
    assert one > 3 * twenty > 30 * all_of_them
    constant, falling, average = found(r"constant rate: (.+)\.\n.*: (.+)\.\n.*weights: (.+)\.", text)
    assert constant > 3 * max(falling, average)


@pytest.mark.slow
def test_newton_needs_fewer_steps_and_the_tumours_are_ranked_well(tmp_path):
    text = run("logistic_regression.py", tmp_path)
    newton, lbfgs = found(r"newton: (\d+) iterations[^$]*lbfgs: (\d+) iterations", text)
    assert newton < 10 < lbfgs
    assert found(r"in ([\d.]+)% of all pairs", text)[0] > 95


@pytest.mark.slow
def test_softmax_and_one_vs_rest_read_the_digits(tmp_path):
    text = run("softmax_regression.py", tmp_path)
    accuracies = re.findall(r"on the test part ([\d.]+)% are", text)
    assert [float(accuracy) > 93 for accuracy in accuracies] == [True, True]


@pytest.mark.slow
def test_dropout_makes_the_gap_smaller_and_all_of_it_learns_nothing(tmp_path):
    text = run("mlp_dropout.py", tmp_path)
    with_dropout, without = found(r"gap between the losses smaller: ([\d.]+) with dropout, ([\d.]+) without", text)
    assert with_dropout < without
    assert found(r"all hidden neurons silent ([\d.]+)% are read", text)[0] < 20


@pytest.mark.slow
def test_the_convolutional_network_reads_96_percent_of_the_small_digits(tmp_path):
    text = run("conv_net.py", tmp_path)
    assert found(r"([\d.]+)% of the test images are read correctly", text)[0] >= 96


@pytest.mark.slow
def test_the_sick_network_stays_at_chance_level_and_the_cured_one_learns(tmp_path):
    text = run("sick_network.py", tmp_path, "--quick")
    (sick,) = found(r"Trained all the same: the loss is ([\d.]+),", text)
    (cured,) = found(r"initial weights: the loss is ([\d.]+)\.", text)
    assert abs(sick - 1.0986) < 0.02
    assert cured < 0.1
    assert (
        text.index("vanishing gradient in '0'") < text.index("no illness found") < text.index("learning rate too high")
    )


@pytest.mark.slow
def test_cleaned_digits_are_nearer_to_the_true_ones_as_numbers_than_as_classes(tmp_path):
    text = run("denoising.py", tmp_path, "--quick")
    noisy, nothing = found(r"pixels is ([\d.]+) with the noise; .* looks at nothing, (\d\.\d+)", text)
    (numbers,), (classes,) = found(r"as numbers: ([\d.]+), R²", text), found(r"of grey: ([\d.]+);", text)
    assert numbers < classes < nothing < noisy
    assert found(r"by their probability: (\d\.\d+)", text)[0] < classes


@pytest.mark.slow
def test_the_labels_of_digits_and_what_contradicts_itself(tmp_path):
    text = run("several_labels.py", tmp_path, "--quick")
    scores = {name: float(f1) for name, f1 in re.findall(r"^(a .+?|the .+?) +([\d.]+) +[\d.]+% ", text, re.MULTILINE)}
    assert scores["the commoner of both"] < 0.5 < scores["a logit for each label"] < scores["a network"]
    alone, chain = found(r"([\d.]+)% of its answers contradict themselves, and ([\d.]+)% of those", text)
    assert chain < alone / 3
    assert found(r"([\d.]+)% of the digits are read correctly", text)[0] > 90


@pytest.mark.slow
def test_softmax_is_ahead_of_one_vs_rest_and_a_few_classes_rank_as_all(tmp_path):
    text = run("many_classes.py", tmp_path, "--quick")
    rows = re.findall(r"^ +\d+ +([\d.]+)% \( *[\d.]+ s\) +([\d.]+)% \( *[\d.]+ s\)", text, re.MULTILINE)
    assert len(rows) == 4
    for softmax, rest in rows:
        assert float(softmax) > float(rest)
    same, together = found(
        r"the same for ([\d.]+)% of the test,\nand the rank correlation of all classes (\d\.\d+)", text
    )
    assert same > 90
    assert together > 0.97


@pytest.mark.slow
def test_vectors_of_users_and_films_foresee_ratings_and_show_hidden_tastes(tmp_path):
    text = run("users_and_films.py", tmp_path, "--quick")
    mean, linear, vectors, noise = found(
        r"the mean: ([\d.]+)\n.*columns: ([\d.]+)\n.*films: ([\d.]+); the noise alone has ([\d.]+)", text
    )
    assert noise < vectors < 0.65 < linear < mean
    unknown, films = found(r"unknown ones: ([\d.]+); a .*alone: ([\d.]+)\.", text)
    assert unknown < 1.1 * films
    near, anywhere = found(r"nearest one are ([\d.]+) away, those of any film (\d\.\d+)", text)
    assert near < anywhere / 2


@pytest.mark.slow
def test_the_simple_network_forgets_and_the_lstm_remembers(tmp_path):
    text = run("long_memory.py", tmp_path, "--quick")
    answers = dict(re.findall(r"The (\w+) after \d+ epochs: (\d+)% of new", text))
    assert float(answers["RNN"]) < 35
    assert float(answers["LSTM"]) > 75
    assert text.count("forgetting over time") == 2  # before and after training of the RNN, and of no other


@pytest.mark.slow
def test_a_network_foresees_more_than_counts_of_letters(tmp_path, data):
    text = run("shakespeare.py", tmp_path, "--quick", data=data)
    singles, pairs = found(r"counting letters: ([\d.]+); by counting pairs of letters: ([\d.]+)\.", text)
    rest = [float(number) for number in re.findall(r"([\d.]+) on the rest", text)]
    assert rest == sorted(rest, reverse=True)
    assert rest[-1] < pairs < singles


@pytest.mark.slow
def test_months_are_near_months_and_sums_of_words_tell_sentences_apart(tmp_path, data):
    text = run("word_vectors.py", tmp_path, data=data)
    (near,) = re.findall(r"- march: (.+)", text)
    assert (
        len({*re.findall("[a-z]+", near)} & {"january", "february", "april", "june", "july", "august", "december"}) >= 2
    )
    assert "this does not match: june." in text
    right, frequent = found(r"tells in ([\d.]+)% of \d+ new texts; the more frequent one is it in ([\d.]+)%", text)
    assert right > frequent + 10


@pytest.mark.slow
def test_four_of_five_passengers_are_judged_correctly(tmp_path, data):
    text = run("titanic.py", tmp_path, data=data)
    for model in ("logistic regression", "MLP"):
        assert found(rf"- {model}: ([\d.]+)%", text)[0] >= 80


@pytest.mark.slow
def test_each_feature_brings_a_line_nearer_to_the_prices_of_houses(tmp_path, data):
    text = run("housing.py", tmp_path, "--quick", data=data)
    errors = [float(error.replace(",", "")) for error in re.findall(r"- a line through .+: ([\d,]+) dollars", text)]
    assert len(errors) == 5
    assert errors == sorted(errors, reverse=True)
    line, network = [float(error.replace(",", "")) for error in re.findall(r"errs by ([\d,]+) dollars", text)]
    assert line < 60_000
    assert network < 52_000


@pytest.mark.slow
def test_spam_is_found_and_wanted_messages_are_not_called_spam(tmp_path, data):
    text = run("spam.py", tmp_path, "--quick", data=data)
    assert "[3, 0, 0, 2]" in text
    messages, mails = re.findall(r"On the test part of .+: precision ([\d.]+), recall ([\d.]+),", text)
    for (precision, recall), bars in ((messages, (0.97, 0.92)), (mails, (0.98, 0.95))):
        assert float(precision) > bars[0]
        assert float(recall) > bars[1]
