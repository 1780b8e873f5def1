"""The explorer in a real browser: headless Chromium, when it is installed."""

import json
import re
import shutil

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.graph import trace

pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
NASTY = "</script><script>document.title='owned'</script>&\"'<b>"
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1600,1000"),
]


class MLP(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        return self.second(tg.relu(self.first(x)))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open the explorer of a graph; at the end nothing may have been written to the console or fetched."""

    def open_page(graph, **options):
        path = graph.explorer(tmp_path / "page.html", **options)
        browser.get_log("performance")
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    fetched = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    own = ("file:", "data:", "chrome:")  # the last is the page that the browser itself starts with
    assert [url for url in fetched if not url.startswith(own)] == []


def press(browser, *keys):
    for key in keys:
        browser.find_element("tag name", "body").send_keys(key)


def text(browser, selector):
    return browser.find_element("css selector", selector).text


def graph_of_mlp():
    rng = np.random.default_rng(0)
    model, loss = MLP(), nn.MSELoss()
    y = rng.random((5, 2), np.float32)
    x = tg.tensor(rng.random((5, 3), np.float32), requires_grad=True)
    return trace(lambda x: loss(model(x), y), x), model, lambda: loss(model(x), y)


def test_it_steps_through_all_of_backpropagation_by_keyboard(open_page):
    from selenium.webdriver.common.keys import Keys

    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    last = int(browser.find_element("id", "slider").get_attribute("max"))
    assert last == 2 * len(graph.operations) + 2
    phases = [browser.find_element("tag name", "body").get_attribute("class")]
    for _ in range(last):
        press(browser, Keys.ARROW_RIGHT)
        phases.append(browser.find_element("tag name", "body").get_attribute("class"))
    n = len(graph.operations)
    assert phases == ["start", *["forward"] * n, "turn", *["backward"] * n, "end"]
    assert text(browser, "#count") == f"{last} of {last}"
    press(browser, Keys.ARROW_LEFT)
    assert text(browser, "#words").startswith("affine: gradient arriving g (5×4")
    press(browser, Keys.HOME)
    assert text(browser, "#words") == "The inputs and parameters have their values."


def test_the_gradients_shown_are_those_of_the_tensors(open_page):
    from selenium.webdriver.common.keys import Keys

    graph, model, loss = graph_of_mlp()
    loss().backward()
    browser = open_page(graph)
    press(browser, Keys.END)
    for name, parameter in model.named_parameters():
        number = graph[f"model.{name}"].number
        browser.execute_script("select({node: arguments[0]})", number)
        cells = browser.execute_script("return [...document.querySelectorAll('#gradient td')].map(td => +td.title)")
        np.testing.assert_allclose(cells, parameter.grad.numpy().ravel(), rtol=1e-5)


def test_a_gradient_is_not_shown_before_it_is_complete(open_page):
    from selenium.webdriver.common.keys import Keys

    graph = trace(lambda x: x * x + x, 3.0)
    browser = open_page(graph)
    browser.execute_script("select({node: 0})")
    assert text(browser, "#gradient") == "not yet complete"
    hidden = "return getComputedStyle(document.querySelector('#n0 .gradient')).visibility"
    assert browser.execute_script(hidden) == "hidden"
    press(browser, *[Keys.ARROW_RIGHT] * 4)
    assert text(browser, "#words") == (
        "add: gradient arriving 1 × local derivative 1 → 1 for multiply %1\n"
        "add: gradient arriving 1 × local derivative 1 → 1 for x (1 of 3 paths so far)"
    )
    assert text(browser, "#gradient") == "not yet complete"
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, "#words").endswith("3 for x, added to 4 from the 2 other paths → 7")
    assert text(browser, "#gradient") == "7"
    assert browser.execute_script(hidden) == "visible"


def test_a_click_shows_formula_values_and_source(open_page):
    graph = trace(lambda x, w: tg.multiply(x, w), [1.0, 2.0], [3.0, 4.0])  # the line
    browser = open_page(graph)
    browser.find_element("id", "n2").click()
    details = text(browser, "#details")
    assert "dx = g · y" in details
    assert "[3, 8]" not in details  # not yet computed
    browser.execute_script("go(1)")
    details = text(browser, "#details")
    assert "[3, 8]" in details
    assert "# the line" in details


def test_modules_fold_and_unfold(open_page):
    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)

    def visible(*ids):
        return [
            browser.execute_script(f"const e = byId('{i}'); return !!e && e.getClientRects().length > 0") for i in ids
        ]

    affine = f"n{graph['affine'].number}"
    height = browser.execute_script("return home.h")
    assert visible(affine, "c2", "f2") == [True, True, False]
    browser.execute_script("select({scope: 2})")
    press(browser, "f")
    assert visible(affine, "c2", "f2") == [False, False, True]
    assert browser.execute_script("return home.h") < height
    assert len(browser.find_elements("class name", "joint")) == 2  # from x, and to relu
    assert "20 parameters" not in text(browser, "#f2")
    assert "16 parameters, 1 operation" in text(browser, "#f2")
    browser.find_element("id", "fold").click()
    assert visible(affine, "c2", "f2") == [True, True, False]
    browser.find_element("id", "fold-all").click()
    assert visible("f1", affine) == [True, False]
    browser.execute_script("go(1)")  # inside the folded module
    assert browser.find_elements("css selector", ".folded.now")
    browser.find_element("id", "unfold-all").click()
    assert browser.execute_script("return home.h") == pytest.approx(height, rel=0.01)


def test_every_node_can_be_reached_by_keyboard(open_page):
    from selenium.webdriver.common.keys import Keys

    graph = trace(lambda x: tg.tanh(x * 2), 1.0)
    browser = open_page(graph)
    browser.execute_script("byId('picture').focus()")
    seen = []
    for _ in range(3):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        seen.append(text(browser, "#details h2"))
    assert sorted(seen) == ["input x %0", "multiply %1", "tanh %2"]


def test_theme_zoom_and_play(open_page):
    browser = open_page(trace(lambda x: tg.tanh(x * 2), 1.0))
    background = "return getComputedStyle(document.body).backgroundColor"
    first = browser.execute_script(background)
    press(browser, "t")
    assert browser.execute_script(background) != first
    press(browser, "t")
    assert browser.execute_script(background) == first
    width = browser.execute_script("return view.w")
    press(browser, "+")
    assert browser.execute_script("return view.w") == pytest.approx(0.8 * width)
    press(browser, "0")
    assert browser.execute_script("return view.w") == pytest.approx(width)
    press(browser, " ")
    assert text(browser, "#play") == "❚❚ pause"
    press(browser, " ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(400, 800), (1600, 1000), (3840, 2160)])
def test_it_fits_small_and_large_screens_in_both_schemes(open_page, browser, scheme, size):
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    open_page(graph_of_mlp()[0])
    assert browser.execute_script("return document.documentElement.scrollWidth") <= size[0]
    assert browser.execute_script("return document.documentElement.scrollHeight") <= size[1]
    box = browser.execute_script("const r = picture.getBoundingClientRect(); return [r.width, r.height]")
    assert min(box) > 250
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_text_of_users_is_only_text(open_page):
    class Net(nn.Module):
        def __init__(self):
            self.parts = {NASTY: nn.Linear(2, 2)}

        def forward(self, x):
            return self.parts[NASTY](x) * tg.tensor([1.0, 2.0], requires_grad=True, name=NASTY)

    graph = trace(Net(), tg.ones(1, 2))
    graph.title = NASTY
    browser = open_page(graph)
    assert browser.title == NASTY
    assert text(browser, "h1") == NASTY
    assert len(browser.find_elements("tag name", "script")) == 2
    browser.execute_script("select({node: arguments[0]})", graph[NASTY].number)
    assert NASTY in text(browser, "#details")
    browser.execute_script("toggle(1)")
    assert NASTY in text(browser, "#f1")


def test_wrong_entries_and_faults_are_shown(open_page):
    with np.errstate(all="ignore"):
        graph = trace(lambda x: tg.log(x), [0.0, 1.0])
    graph["x"].wrong = [[[1], 2.0, 4.0]]
    graph["x"].message = "gradcheck: 1 of 2 entries wrong"
    browser = open_page(graph)
    browser.execute_script("go(99); select({node: 0})")
    assert "[1] is 2, should be 4" in text(browser, "#details")
    assert len(browser.find_elements("css selector", ".map td.wrong")) == 1
    browser.execute_script("select({node: 1})")
    assert "NaN or infinity begins here" in text(browser, "#details")


# ---------------------------------------------------------------------- pages that lay themselves out


def written_without_graphviz(write, path):
    """Write a page where there is no Graphviz; the browser must be found afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        patch.setattr(tg.graph.show.render, "pygraphviz", lambda: None)
        return write(path)


def wait_for(browser, expression):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda b: b.execute_script(f"return {expression}"))


def test_without_graphviz_the_explorer_lays_itself_out(browser, open_page, tmp_path):
    from selenium.webdriver.common.keys import Keys

    graph, _, _ = graph_of_mlp()
    page = written_without_graphviz(graph.explorer, tmp_path / "self.html")
    assert "<svg" not in page.read_text().partition("<script>")[0]
    browser.get(page.as_uri())
    wait_for(browser, "typeof go === 'function' && !!byId('count').textContent")
    press(browser, Keys.END)
    assert text(browser, "#words").startswith("All gradients are complete")
    assert browser.execute_script("return units.size") == len(re.findall(r"^[nh]\w+ \[id=", graph.to_dot(), re.M))
    browser.execute_script("toggle(2)")
    assert "16 parameters, 1 operation" in text(browser, "#f2")


def test_without_graphviz_a_page_of_the_picture_lays_itself_out_in_the_same_colours(browser, open_page, tmp_path):
    graph, _, _ = graph_of_mlp()
    own = written_without_graphviz(graph.render, tmp_path / "self.html")
    texts = "return [...document.querySelectorAll('svg text')].map(e => e.textContent).sort()"
    fills = "return [...new Set([...document.querySelectorAll('svg [fill]')].map(e => e.getAttribute('fill')))].sort()"
    found = []
    for page in (own, graph.render(tmp_path / "plain.html")):
        browser.get(page.as_uri())
        wait_for(browser, "!!document.querySelector('svg')")
        found.append((browser.execute_script(texts), browser.execute_script(fills)))
    assert found[0] == found[1]


def test_a_frame_in_a_notebook_lays_itself_out_and_takes_the_height_of_its_picture(browser, open_page, tmp_path):
    graph, _, _ = graph_of_mlp()
    bundle = written_without_graphviz(lambda _: graph._repr_mimebundle_(), None)
    cell = tmp_path / "cell.html"
    cell.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><link rel=icon href='data:,'><body>{bundle['text/html']}</body>",
        encoding="utf-8",
    )
    browser.get(cell.as_uri())
    wait_for(browser, "!!document.querySelector('iframe').contentDocument.querySelector('svg')")
    wait_for(browser, "document.querySelector('iframe').style.height !== '480px'")


def test_the_page_needs_no_network(tmp_path):
    page = trace(lambda x: x * x, 3.0).explorer(tmp_path / "page.html").read_text()
    links = re.findall(r"https?://[^\s\"'<]*", page)
    assert set(links) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in page
