"""Configuration of the documentation site, which Sphinx builds from the Markdown in this folder."""

import os
import sys
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).parent
# The site is also built from a copy of this folder in build/, with new outputs of examples.
ROOT = next(
    (folder for folder in DOCS.parents if (folder / "pyproject.toml").is_file()), DOCS.parent
)
sys.path.insert(0, str(DOCS))

import lesson_notebooks  # noqa: E402  # in this folder

project = "charloom"
author = "the charloom developers"
copyright = "the charloom developers, Apache License 2.0"
release = metadata.version("charloom")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "extensions.accessibility",
    "extensions.docstrings",
    "extensions.inline_svg",
    "extensions.mathml",
    "extensions.outside_links",
    "extensions.public_names",
    "extensions.settings_help",
    "lesson_notebooks",
]

COLOR_NAMES = [
    f"color-{name}" for name in ("brand-primary", "brand-content", "api-name", "api-pre-name")
]

# Looks: nothing is loaded from another host, and fonts are those of the reader's system.
html_theme = "furo"
html_title = "charloom"
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": dict.fromkeys(COLOR_NAMES, "#0b5f8a"),
    "dark_css_variables": dict.fromkeys(COLOR_NAMES, "#6cc0ee")
    | {"color-drawing-accent": "#f0a45d"},
}
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
templates_path = ["_templates"]
html_static_path = ["_static"]
# Only the copy that run_examples.py makes has it.
html_extra_path = ["extra"] if (Path(__file__).parent / "extra").is_dir() else []
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sphinx = False
html_copy_source = False
html_domain_indices = False
html_math_renderer = "mathml"

# Markdown; quotes and dashes stay as they are typed, since options begin with two
smartquotes = False
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]  # a forge shows the same fence as an equation
myst_heading_anchors = 3

# Notebooks
# The lesson is executed; tests/laws/test_notebooks.py runs the other notebook in a kernel.
lesson_notebooks.set_environment(ROOT)
nb_execution_mode = "cache"
nb_execution_excludepatterns = ["notebooks/*"]
nb_execution_cache_path = str(lesson_notebooks.cache_folder(ROOT, os.environ))
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds for a cell

# The docstrings of the library
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72

# Links: a missing target is an error, but for types of other libraries in signatures.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!charloom\.).*")]
linkcheck_anchors = False  # pages that scripts write have their anchors later

# Copy buttons leave out prompts, and the output below a command.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_here_doc_delimiter = "EOF"
