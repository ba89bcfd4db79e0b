"""Configuration of the documentation site, which Sphinx builds from the Markdown in this folder."""

from importlib import metadata

project = "charloom"
author = "the charloom developers"
release = metadata.version("charloom")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = "charloom"
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebook is run in a kernel by tests/laws/test_notebooks.py
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
copybutton_prompt_text = "$ "
