"""Corrections of the HTML of Sphinx and furo, each for a rule of axe-core.

The template page.html calls ``accessible`` with the body of a page. tests/laws/test_site.py opens
every page in a browser and fails where a rule is broken.
"""

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

REPLACEMENTS: Final = (
    # A keyboard scrolls an element only if it can have the focus.
    ("<pre>", '<pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    # The captions in the side bar are headings, whose level a screen reader needs.
    ('class="caption" role="heading"', 'class="caption" role="heading" aria-level="2"'),
    # Two landmarks of one kind need names.
    ('<aside class="sidebar-drawer"', '<aside aria-label="All pages" class="sidebar-drawer"'),
    ('<aside class="toc-drawer', '<aside aria-label="This page" class="toc-drawer'),
    # The corner of a table with row names is no header.
    ('<th class="head"><p></p></th>', '<td class="head"></td>'),
)
PARAMETERS: Final = re.compile(r'<dl>\n((?:<dd><em class="sig-param">.*</dd>\n)+)</dl>')
"""The parameters of a long signature: a list of definitions that defines nothing."""


def accessible(body: str) -> str:
    r"""Return the body of a page without the faults that axe-core finds.

    >>> accessible('<dl>\n<dd><em class="sig-param">n</em>,</dd>\n</dl>')
    '<span class="parameters">\n<span><em class="sig-param">n</em>,</span>\n</span>'
    """
    for old, new in REPLACEMENTS:
        body = body.replace(old, new)
    return PARAMETERS.sub(
        lambda match: f'<span class="parameters">\n{_spans(match[1])}</span>', body
    )


def _spans(items: str) -> str:
    return items.replace("<dd>", "<span>").replace("</dd>", "</span>")


def _add(app: "Sphinx", page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    context["accessible"] = accessible


def setup(app: "Sphinx") -> dict[str, bool]:
    """Give the function to the templates."""
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
