"""Take the pictures of the explorer in docs/graphs.md: `python docs/make_explorer_pictures.py [folder]`.

It needs Chromium with its driver, selenium and Pillow.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

import tinygrad_ml as tg
from tinygrad_ml import nn

HERE = Path(__file__).parent / "images"
COLOURS = 64  # of a picture
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


def expression(a, b, c):
    """An expression of three numbers."""
    return (a * b + c) * tg.exp(-a) + tg.sin(b) / c


class Cell(nn.Module):
    """One step of a recurrent network."""

    def __init__(self):
        self.input = nn.Linear(3, 16)
        self.state = nn.Linear(16, 16, bias=False)

    def forward(self, x, h):
        return tg.tanh(self.input(x) + self.state(h))


class RNN(nn.Module):
    """A loop over time, written by hand."""

    def __init__(self):
        self.cell = Cell()
        self.score = nn.Linear(16, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], 16)
        for x in xs:
            h = self.cell(x, h)
        return self.score(h)


def pictures():
    """Yield for each picture its name, graph, link, and the script that brings the page to where it is taken."""
    yield "explorer", tg.graph.trace(expression, 1.0, 2.0, 3.0), "#step=12", ""
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    graph = tg.graph.trace(RNN(), tg.tensor(rng.standard_normal((60, 8, 3)).astype(np.float32)))
    show = "visit({node: scopes.find(s => s.repeat).repeat.members[44][3]}); go(seen.length - 6)"
    yield "explorer-rnn", graph, "", show


def main(folder):
    """Write them."""
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.set_window_size(1200, 760)
    try:
        for name, graph, link, script in pictures():
            with tempfile.TemporaryDirectory() as scratch:
                page = graph.explorer(Path(scratch) / "page.html")
                browser.get("about:blank")
                browser.get(page.as_uri() + link)
                WebDriverWait(browser, 60).until(
                    lambda b: b.execute_script("return document.documentElement.dataset.ready")
                )
                browser.execute_script(script)
                picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
            path = folder / f"{name}.png"
            picture.quantize(COLOURS).save(path, optimize=True)
            print(path)
    finally:
        browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
