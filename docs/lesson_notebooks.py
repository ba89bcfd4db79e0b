"""A Sphinx extension for the lesson: its cache, and its pages as notebooks to download.

MyST-NB writes each executed page as a notebook beside the site. Here these are prepared for a
reader and copied into the site, and each page gets a link to its own.
"""

import functools
import hashlib
import html
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.execute import cache
from sphinx.application import Sphinx

FOLDER: Final = "lesson"
DATA: Final = "CHARLOOM_LESSON_DATA"
BUDGET: Final = "CHARLOOM_LESSON_BUDGET"
SITE_BUDGET: Final = "CHARLOOM_DOCS_BUDGET"
EXECUTED: Final = "jupyter_execute"
"""The folder beside the site that holds the executed notebooks."""

_LINKS: Final = {
    "en": "Download this page as a notebook, with its outputs",
    "sv": "Hämta den här sidan som en notebook, med utdata",
}
_FOLD_LABEL: Final = ' aria-label="Toggle hidden content"'
_CHECKS: Final = "remove-cell"
_FOLDED: Final = "hide-cell"
_LINK_TO_PAGE: Final = re.compile(r"\]\((?!\w+:)([\w./-]+)\.md(#[\w-]+)?\)")


def set_environment(root: Path) -> None:
    """Set the lesson's budget to that of the site, and its data to a file beside the checkout.

    Variables that are set already are left as they are.
    """
    os.environ.setdefault(BUDGET, os.environ.get(SITE_BUDGET, "1"))
    file = root.parent / "shared" / "data" / "ag_news" / "test.csv"
    if file.is_file():
        os.environ.setdefault(DATA, str(file))


def cache_folder(root: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of cached outputs for the code, the data and the budget.

    The cache of MyST-NB compares cells alone, so each of these has a folder of its own.
    """
    digest = hashlib.sha256()
    digest.update(f"{environment.get(BUDGET, '1')} {environment.get(DATA, '')}".encode())
    for path in sorted((root / "src").rglob("*.py")):
        digest.update(path.read_bytes())
    return root / "build" / "lesson-cache" / digest.hexdigest()[:16]


def language(page: str) -> str:
    """Return the language of a page of the lesson."""
    return "sv" if page.startswith(f"{FOLDER}/sv/") else "en"


def prepare(notebook: Any) -> Any:
    """Return an executed notebook as a reader gets it.

    Cells that check the page are left out, solutions are folded in JupyterLab and Colab, and links
    to other pages become links to their notebooks.
    """
    prepared = nbformat.from_dict(notebook)
    prepared.metadata.pop("mystnb", None)
    prepared.metadata.pop("source_map", None)
    prepared.cells = [
        cell for cell in prepared.cells if _CHECKS not in cell.metadata.get("tags", [])
    ]
    for cell in prepared.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK_TO_PAGE.sub(_notebook_link, cell.source)
        if _FOLDED in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
            cell.metadata["cellView"] = "form"
    nbformat.validate(prepared)
    return prepared


def _notebook_link(match: re.Match[str]) -> str:
    """Return a link to the notebook of a page, or to the page if it has none."""
    target = match[1]
    is_notebook = re.fullmatch(r"(?:\.\./|sv/)?\d-[\w-]+", target)
    return f"]({target}.ipynb)" if is_notebook else f"]({target}.html{match[2] or ''})"


def copy_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Copy the executed notebooks of the lesson into the site."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for page in sorted(_notebook_pages(app)):
        notebook = _with_outputs(app, nbformat.read(_executed(app, page), as_version=4))
        target = site / f"{page}.ipynb"
        target.write_text(nbformat.writes(prepare(notebook)), "utf-8")


def _with_outputs(app: Sphinx, notebook: Any) -> Any:
    """Return a notebook with its outputs.

    MyST-NB writes a page whose outputs are in the cache without them.
    """
    if any(cell.get("outputs") for cell in notebook.cells):
        return notebook
    try:
        outputs = get_cache(app.config.nb_execution_cache_path)
        return outputs.merge_match_into_notebook(notebook)[1]
    except KeyError:
        return notebook


def add_link(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the link to the notebook below the heading of a page, and the language of the page.

    Remove the English label of folded cells, since their text names them in each language.
    """
    if not pagename.startswith(f"{FOLDER}/") or "body" not in context:
        return
    own = language(pagename)
    body = str(context["body"]).replace(_FOLD_LABEL, "")
    if pagename in _notebook_pages(app):
        name = pagename.rsplit("/", 1)[-1]
        link = f'<a href="{name}.ipynb" download>{html.escape(_LINKS[own])}</a>'
        body = body.replace("</h1>", f"</h1>\n<p>{link}</p>", 1)
    if own != "en":
        body = body.replace("<section", f'<section lang="{own}"', 1)
    context["body"] = body


def _notebook_pages(app: Sphinx) -> set[str]:
    return {
        page
        for page, found in app.env.metadata.items()
        if page.startswith(f"{FOLDER}/") and "kernelspec" in found
    }


def _executed(app: Sphinx, page: str) -> Path:
    return Path(app.outdir).parent / EXECUTED / f"{page}.ipynb"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension.

    The text that a cell prints arrives in pieces. MyST-NB would join them and remove spaces between
    them, so nbclient joins them when a page is executed.
    """
    cache.single_nb_execution = functools.partial(single_nb_execution, coalesce_streams=True)
    app.connect("html-page-context", add_link)
    app.connect("build-finished", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
