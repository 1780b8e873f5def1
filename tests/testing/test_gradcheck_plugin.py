"""The pytest plugin, as the users of the library meet it, and the check from the shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = "pytester"

TESTS = """
    import numpy as np
    import pytest

    def test_right(gradcheck):
        assert gradcheck((lambda x: (x**2).sum(), lambda x: 2 * x), np.ones((3, 2)))

    def test_wrong(gradcheck):
        gradcheck((lambda x: (x**2).sum(), lambda x: 3 * x), np.ones(4))

    @pytest.mark.slow_gradcheck
    def test_slow(gradcheck):
        report = gradcheck((lambda x: (x**2).sum(), lambda x: 2 * x), np.ones(500))
        print("mode of the slow check:", report.mode)
"""


@pytest.fixture
def run(pytester):
    pytester.makepyfile(TESTS)
    return lambda *options: pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rP", "--strict-markers", *options)


@pytest.mark.slow
def test_the_fixture_needs_no_import_and_the_summary_counts_entries(run):
    result = run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["gradcheck: 510 entries of 3 gradients checked, 1 wrong"])


@pytest.mark.slow
def test_a_failure_shows_the_cause_the_entries_and_the_line_of_the_test(run):
    result = run()
    result.stdout.fnmatch_lines(
        [
            ">       gradcheck((lambda x: (x[*][*]2).sum(), lambda x: 3 * x), np.ones(4))",
            "E       *GradientCheckError: x 1.5 times too large",
            "E       the gradient of the function is wrong for x (central differences, full)",
            "E       x: the gradient is 1.5 times too large",
            "E         where  index  analytic  numeric  relative  absolute",
        ]
    )
    assert "checker.py" not in result.stdout.str()


@pytest.mark.slow
def test_the_summary_of_a_narrow_terminal_holds_the_cause(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("CI", "BUILD_NUMBER"):  # where pytest does not cut the lines
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(
        t="""
        import numpy as np
        from tinygrad_ml.testing import gradcheck as check

        x = np.linspace(-1.3, 1.2, 12)
        leaky = lambda x: np.where(x > 0, x, 0.01 * x).sum(), lambda x: np.where(x > 0, 1, 0.1)

        def test(gradcheck):
            gradcheck(leaky, x)

        def test_own():
            check(leaky, x)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "t.py")
    result.stdout.fnmatch_lines(
        [
            "E       x: wrong in 6 of 12 entries: those where x < 0; there it is 10 times too large",
            "FAILED t.py::test - GradientCheckError: x 10 times too large in 6 of 12",
            "FAILED t.py::test_own - GradientCheckError: x 10 times too large in 6 of 12",
        ]
    )


@pytest.mark.slow
def test_slow_checks_are_random_unless_full_is_asked_for(run):
    run().stdout.fnmatch_lines(["mode of the slow check: random"])
    run("--gradcheck=full").stdout.fnmatch_lines(["mode of the slow check: full"])
    result = run("--gradcheck=random", "-k", "right or wrong")
    result.stdout.fnmatch_lines(["E  *wrong for x (central differences, random)"])


@pytest.mark.slow
def test_no_line_without_gradient_checks(pytester):
    pytester.makepyfile("def test_nothing(): pass")
    assert "gradcheck" not in pytester.runpytest_subprocess("-p", "no:cacheprovider").stdout.str()


@pytest.mark.slow
def test_a_run_that_checks_nothing_imports_nothing_for_the_plugin(pytester):
    pytester.makepyfile("import sys\n\ndef test_modules(): print('modules:', *sorted(sys.modules))")
    imported = []
    for options in ((), ("-p", "no:tinygrad_ml")):
        out = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rP", *options).stdout.str()
        (line,) = [line for line in out.splitlines() if line.startswith("modules:")]
        imported.append(set(line.split()))
    assert imported[0] - imported[1] == {"tinygrad_ml_pytest"}


@pytest.mark.slow
def test_the_plugin_has_a_name_in_the_package_too(run):
    result = run("-p", "no:tinygrad_ml", "-p", "tinygrad_ml.testing.plugin")
    result.assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize(("name", "status", "text"), [("right", 0, "is right: 20"), ("wrong", 1, "2 times too large")])
def test_a_check_from_the_shell(tmp_path, name, status, text):
    path = tmp_path / "homework.py"
    path.write_text(
        "import numpy as np\n"
        "right = (lambda x, y: (x * y).sum(), lambda x, y: (y + 0 * x, x.sum(0)))\n"
        "wrong = (lambda x, y: (x * y).sum(), lambda x, y: (y + 0 * x, 2 * x.sum(0)))\n"
    )
    command = [sys.executable, "-m", "tinygrad_ml.testing", f"{path}::{name}", "--shape", "4,4", "--shape", "4"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (status, "")
    assert text in result.stdout


def test_the_shell_checks_a_class_of_modules(tmp_path):
    path = tmp_path / "layer.py"
    path.write_text(
        "import tinygrad_ml as tg\n"
        "class Scale(tg.nn.Module):\n"
        "    def __init__(self):\n"
        "        self.weight = tg.nn.Parameter([1.0, 2.0])\n"
        "    def forward(self, x):\n"
        "        return x * self.weight\n"
    )
    command = [sys.executable, "-m", "tinygrad_ml.testing", f"{path}::Scale", "--shape", "3,2", "--order", "2"]
    assert "weight" in subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("target", "text"), [("x.py", "must be a file and a name"), ("{}::no", "has no 'no'")])
def test_the_shell_says_what_is_missing(tmp_path, target, text):
    path = tmp_path / "empty.py"
    path.write_text("")
    command = [sys.executable, "-m", "tinygrad_ml.testing", target.format(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert text in result.stderr


def test_the_example_explains_both_bugs_and_draws_them(tmp_path):
    pytest.importorskip("matplotlib")
    example = Path(__file__).parents[2] / "examples" / "gradient_check.py"
    environment = os.environ | {"TINYGRAD_ML_OUTPUT": str(tmp_path), "MPLBACKEND": "Agg"}
    command = [sys.executable, str(example), "--quick"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.count("is right") == 2
    assert "x: wrong in 4 of 16 entries: those at 2 along axis 0, where it is zero" in result.stdout
    assert "bias: the gradient is 4 times too small" in result.stdout
    assert (tmp_path / "gradient_check.png").stat().st_size > 1000
