"""Build the site into build/site/html: `python docs/site/build.py`, or `make docs`.

The pages of docs/ stay as they are. They are copied into build/site/source, with the links between them made to fit,
beside the pages that are written here: the API reference and the gallery. Then Sphinx makes the site; a warning is an
error, and so is a link that leads nowhere.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import browser
import gallery
import links
import reference
from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = ROOT / "build" / "site"
PAGES = {  # of the repository, and where they are on the site; the pages of docs/ keep their names
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
    "tinygrad_ml/README.md": "reading-the-core.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def place(path):
    """Return where a file of the repository is on the site, relative to its root, or None if it is not."""
    path = path.resolve().relative_to(ROOT).as_posix()
    if path in PAGES:
        return PAGES[path]
    if path in ("examples", "examples/course"):
        return "gallery/index.md"
    if path.startswith("examples/") and path.endswith(".py"):
        return f"gallery/{Path(path).stem}.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return None


def fit_links(text, origin, source):
    """Make the links of a page fit the site; files that are no pages are copied beside them."""

    def fit(match):
        text, path, anchor = match.groups()
        target = (origin.parent / path).resolve()
        if not target.exists():
            raise FileNotFoundError(f"{origin}: {path}")
        to = place(target)
        if to is None and target.is_dir():
            return text  # a folder of the repository, which the site does not have
        if to is None:
            to = f"files/{target.relative_to(ROOT).as_posix()}"
            (source / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, source / to)
        return f"[{text}]({to}{anchor})"

    parts, end = [], 0
    for block in CODE.finditer(text):
        parts += [LINK.sub(fit, text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, LINK.sub(fit, text[end:])])


def stage(source):
    """Copy the pages and pictures of the repository."""
    pages = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in PAGES if name.endswith(".md"))]
    for origin in pages:
        if origin.name == "README.md" and origin.parent == ROOT:
            continue  # the site has a front page of its own
        text = fit_links(origin.read_text(encoding="utf-8"), origin, source)
        (source / place(origin)).write_text(text, encoding="utf-8")
    (source / "license.md").write_text(
        f"# Licence\n\n```text\n{(ROOT / 'LICENSE').read_text(encoding='utf-8')}```\n", encoding="utf-8"
    )
    shutil.copytree(ROOT / "docs" / "images", source / "images")
    for page in HERE.glob("*.md"):
        shutil.copy(page, source)
    list_the_others(source)


def list_the_others(source):
    """Put pages that no page of the site lists at the end of the page "How to"."""
    listed = set()
    for page in HERE.glob("*.md"):
        for tree in re.findall(r"^```{toctree}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            listed |= set(re.findall(r"^(?:.*<)?([\w/-]+)>?$", tree, re.MULTILINE))
    others = [page for page in sorted(source.glob("*.md")) if page.stem not in listed | {"index"}]
    if others:
        titles = [re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[1] for page in others]
        lines = ["\n## More\n", *(f"- [{title}]({page.name})" for title, page in zip(titles, others, strict=True))]
        lines += ["\n```{toctree}\n:hidden:\n:caption: More\n", *(page.stem for page in others), "```\n"]
        with (source / "howto.md").open("a", encoding="utf-8") as howto:
            howto.write("\n".join(lines))


def drop_wrong_ways_back(html):
    """Take away links from a source file to the reference for names that are described under another module."""
    for page in (html / "_modules").rglob("*.html"):

        def keep(match, page=page):
            path, _, name = match[1].partition("#")
            there = (page.parent / path).resolve()
            return match[0] if f'id="{name}"' in there.read_text(encoding="utf-8") else ""

        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r'<a class="viewcode-back" href="([^"]+)">.*?</a>', keep, text), encoding="utf-8")


def main():
    """Write the pages, call Sphinx, and follow all links."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="run the examples in full, which takes much longer")
    options = parser.parse_args()
    source, html = TARGET / "source", TARGET / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    stage(source)
    reference.write(source / "api")
    gallery.write(source / "gallery", TARGET / "examples", quick=not options.full)
    arguments = [
        "-b",
        "html",
        "-c",
        str(HERE),
        "-d",
        str(TARGET / "doctrees"),
        "-W",
        "--keep-going",
        "-q",
        "-j",
        "auto",
    ]
    if code := build_main([*arguments, str(source), str(html)]):
        sys.exit(code)
    for page in (source / "gallery").glob("*/*.html"):  # pages within pages, which Sphinx does not see
        to = html / page.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, to)
    browser.build(html / "lite", TARGET)
    drop_wrong_ways_back(html)
    dead = links.dead(html)
    if dead:
        sys.exit("\n".join(["links that lead nowhere:", *dead]))
    print(f"the site is in {html / 'index.html'}")


if __name__ == "__main__":
    main()
