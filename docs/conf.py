"""Configuration of the documentation site, which Sphinx builds from the Markdown in this folder."""

import os
import sys
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import lesson_notebooks  # noqa: E402  # in this folder

project = "charloom"
author = "the charloom developers"
release = metadata.version("charloom")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "lesson_notebooks",
]
html_theme = "furo"
html_title = "charloom"
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
# The lesson is executed; tests/laws/test_notebooks.py runs the other notebook in a kernel.
lesson_notebooks.set_data(DOCS.parent)
nb_execution_mode = "cache"
nb_execution_excludepatterns = ["notebooks/*"]
nb_execution_cache_path = str(lesson_notebooks.cache_folder(DOCS.parent, os.environ))
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds for a cell
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
copybutton_prompt_text = "$ "
