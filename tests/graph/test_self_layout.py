"""Pages that lay themselves out, where there is no Graphviz: of a picture, in a notebook, and the explorer."""

import pytest

import tinygrad_ml as tg
from tests.graph.conftest import wait_for
from tests.graph.test_explorer import graph_of_mlp, press, run, text


def written_without_graphviz(write, path):
    """Write a page where there is no Graphviz; the browser must be found afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        patch.setattr(tg.graph.show.render, "pygraphviz", lambda: None)
        return write(path)


def test_the_explorer_needs_no_graphviz(browser, open_page, tmp_path):
    from selenium.webdriver.common.keys import Keys

    graph, _, _ = graph_of_mlp()
    page = written_without_graphviz(graph.explorer, tmp_path / "self.html")
    assert page.read_bytes() == graph.explorer(tmp_path / "with.html").read_bytes()
    browser.get(page.as_uri())
    wait_for(browser, "document.documentElement.dataset.ready")
    press(browser, Keys.END)
    assert text(browser, "#words").startswith("All gradients are complete")


def test_a_page_of_the_picture_lays_itself_out_in_the_same_colours(browser, open_page, tmp_path):
    pytest.importorskip("graphviz")
    graph, _, _ = graph_of_mlp()
    own = written_without_graphviz(graph.render, tmp_path / "self.html")
    texts = "[...document.querySelectorAll('svg text')].map(e => e.textContent).sort()"
    fills = "[...new Set([...document.querySelectorAll('svg [fill]')].map(e => e.getAttribute('fill')))].sort()"
    found = []
    for page in (own, graph.render(tmp_path / "plain.html")):
        browser.get(page.as_uri())
        wait_for(browser, "!!document.querySelector('svg')")
        found.append((run(browser, texts), run(browser, fills)))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["self", "with"])
def test_text_stands_within_its_box(browser, open_page, tmp_path, name):
    """Viz.js knows the widths of a font by its name."""
    graph, _, _ = graph_of_mlp()
    page = tmp_path / f"{name}.html"
    written_without_graphviz(graph.render, page) if name == "self" else graph.render(page)
    browser.get(page.as_uri())
    wait_for(browser, "!!document.querySelector('svg')")
    outside = run(
        browser,
        """[...document.querySelectorAll('g.node')].flatMap(g => {
            const box = g.querySelector('path, ellipse, polygon');
            if (!box || g.classList.contains('title')) return [];
            const b = box.getBBox();
            return [...g.querySelectorAll('text')].map(t => [t, t.getBBox()])
                .filter(([, r]) => r.x < b.x - 1 || r.x + r.width > b.x + b.width + 1).map(([t]) => t.textContent);
        })""",
    )
    assert outside == []


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
