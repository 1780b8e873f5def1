"""The notebooks of the site: in Pyodide under Node, and in Chromium from the site that `make docs` has built."""

import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.graph.conftest import browser

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "build/site/pyodide"
WHEELS = sorted((ROOT / "build/site/lite/wheels").glob("*.whl"))
SITE = ROOT / "build/site/html"
LITE = SITE / "lite"
SAYS = {
    "neuron": ["multiply(x1, w1)", "gradients: x1 -1.5, w1 1, x2 0.5, w2 0, b 0.5"],
    "gradient": ["the gradient is 2 times too large", "the gradient of my_loss is right: 3 entries"],
    "pytorch": ["XOR: [0.0, 1.0, 1.0, 0.0]", "the gradient is 2 times too large"],
}
SECONDS = 240  # until Python has started in a browser on a busy machine

pytestmark = pytest.mark.slow
__all__ = ["browser"]  # a fixture


@pytest.fixture
def pyodide():
    if shutil.which("node") is None or not (RUNTIME / "pyodide-lock.json").exists() or not WHEELS:
        pytest.skip("needs Node and what `make docs` gets")
    return ["node", str(ROOT / "docs/site/run_in_pyodide.mjs"), str(RUNTIME)]


@pytest.mark.parametrize("name", SAYS)
def test_a_notebook_runs_in_pyodide_under_node(pyodide, name):
    program = ROOT / f"docs/browser/{name}.py"
    done = subprocess.run([*pyodide, str(program), *map(str, WHEELS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in SAYS[name]:
        assert words in done.stdout


def test_a_model_is_trained_in_pyodide_under_node(pyodide, tmp_path):
    program = tmp_path / "train.py"
    program.write_text(
        "import numpy as np\nimport tinygrad_ml as tg\nfrom tinygrad_ml.models import MLPClassifier\n"
        "X = np.random.default_rng(0).normal(size=(300, 2))\ny = np.hypot(*X.T) < 1\n"
        "model = MLPClassifier((16,), learning_rate=0.01, tol=0, random_state=0).fit(X, y)\n"
        "print('accuracy', model.score(X, y))\n"
    )
    done = subprocess.run([*pyodide, str(program), *map(str, WHEELS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.partition("accuracy")[2]) > 0.95


@pytest.fixture(scope="module")
def address():
    if not (LITE / "static/pyodide/pyodide.mjs").exists():
        pytest.skip("needs the site that `make docs` builds, with Pyodide in it")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run_all(browser, address, name):
    """Open a notebook, run its cells, and wait for what they print."""
    browser.set_window_size(1300, 3000)  # cells out of sight are not in the page
    browser.get(f"{address}/lite/notebooks/index.html?path={name}.ipynb")
    wait = WebDriverWait(browser, SECONDS)
    wait.until(lambda b: len(b.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell")) > 2)
    started = "return [...window.jupyterapp.serviceManager.sessions.running()].length"
    wait.until(lambda b: b.execute_script(started))
    browser.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def printed(b):
        return "\n".join(part.text for part in b.find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output"))

    for words in SAYS[name]:
        wait.until(lambda b, words=words: words in printed(b), words)


def test_a_wrong_gradient_is_named_in_the_browser(browser, address):
    run_all(browser, address, "gradient")


def test_the_neuron_is_drawn_and_the_arrow_key_walks_through_the_chain_rule(browser, address):
    run_all(browser, address, "neuron")
    wait = WebDriverWait(browser, SECONDS)
    step_by_step = "iframe[title='The neuron, step by step']"
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, step_by_step))
    browser.switch_to.frame(browser.find_element(By.CSS_SELECTOR, step_by_step))
    wait.until(lambda b: b.execute_script("return document.documentElement.dataset.ready"))
    browser.find_element(By.TAG_NAME, "body").click()
    sentences = []
    for _ in range(12):
        ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
        sentences.append(browser.find_element(By.TAG_NAME, "body").text)
    browser.switch_to.default_content()
    assert any("gradient arriving 0.5 × local derivative" in text for text in sentences), sentences[-1]
