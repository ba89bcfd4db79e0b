"""Blocks of code that a keyboard can scroll: browsers scroll an element only if it has focus."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _add_tab_stop(app: "Sphinx", page: str, template: str, context: Any, doctree: Any) -> None:
    """Give each block of code a place in the order of the Tab key."""
    if "body" in context:
        context["body"] = context["body"].replace("<pre>", '<pre tabindex="0">')


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add tab stops to finished pages."""
    app.connect("html-page-context", _add_tab_stop)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
