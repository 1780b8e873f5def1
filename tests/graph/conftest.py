"""A real browser for the pages: headless Chromium, when it is installed."""

import json
import shutil

import pytest

FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1600,1000"),
]


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


def wait_for(browser, expression):
    """Wait until an expression of JavaScript holds."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 120, poll_frequency=0.02).until(lambda b: b.execute_script(f"return {expression}"))


@pytest.fixture
def open_page(browser, tmp_path):
    """Open the explorer of a graph; at the end nothing may have been written to the console or fetched."""

    def open_page(graph, link="", **options):
        path = graph.explorer(tmp_path / "page.html", **options)
        browser.get_log("performance")
        browser.get("about:blank")  # or another link to the same file would not load it anew
        browser.get(path.as_uri() + link)
        wait_for(browser, "document.documentElement.dataset.ready || document.querySelector('#picture .bad')")
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    fetched = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    own = ("file:", "data:", "chrome:", "about:")  # the last two are pages of the browser itself
    assert [url for url in fetched if not url.startswith(own)] == []


@pytest.fixture
def screen(browser):
    """Set the size of the window and the colour scheme; `open_page` sets them back."""

    def screen(width, height, scheme="light"):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    return screen
