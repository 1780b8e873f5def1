"""What Sphinx must know to build the site; `build.py` writes the pages and calls it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tinygrad_ml

project = "tinygrad_ml"
author = "The tinygrad_ml authors"
copyright = f"{author}, MIT licence"
version = release = tinygrad_ml.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "names",
]
nitpicky = True
default_role = "name"  # in docstrings `Linear` is a link where the reference has such a name
exclude_patterns = []
suppress_warnings = ["misc.highlighting_failure"]  # a rule on the page of operations may be part of a statement

myst_enable_extensions = ["attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = False

autodoc_typehints = "none"  # the types are in the text of each parameter, with shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "tinygrad_ml"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}  # light or dark as the system says
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {page: [] for page in ("index", "gallery/index", "browser", "moving", "course", "search", "genindex")}
html_theme_options = {
    "logo": {"text": "tinygrad_ml"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_nav_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_exclude = ".linenos, .gp, .go"
