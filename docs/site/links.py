"""Find the links of a folder of HTML pages that lead nowhere: files that are not there, places that a page lacks."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TARGETS = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The places of a page and what it links to."""

    def __init__(self, path):
        """Read a file."""
        super().__init__()
        self.places, self.links = {"", "top"}, set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        """Note the place and the link of an element."""
        found = dict(attributes)
        self.places |= {found[key] for key in ("id", "name") if found.get(key)}
        if found.get(TARGETS.get(tag)):
            self.links.add(found[TARGETS[tag]])


def dead(folder):
    """Return a line for each link that leads nowhere; links to other sites are not followed."""
    folder = Path(folder).resolve()
    others = {folder / "_static", folder / "lite"}  # made by the theme and by JupyterLite
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html")) if not others & {*path.parents}}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            place = unquote(parts.fragment)
            if not target.exists() or (target in pages and place not in pages[target].places):
                found.append(f"{path.relative_to(folder)}: {link}")
    return found
