"""Links from the public names in docstrings to their entries on the page of the library.

Docstrings name classes in plain words, as in "Raises SettingsError". Names in signatures, code and
other links are left alone.
"""

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

import charloom

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CLASSES = [name for name in charloom.__all__ if name[0].isupper() and name != "Listener"]
NAME = re.compile(rf"\b({'|'.join(CLASSES)})\b")
COMMON_WORDS = ("Sample", "Saved", "Step", "Stopped", "Event", "Validation", "Model", "Mixture")
"""Names that may also begin a sentence; they are links only as code."""
UNTOUCHED = (
    addnodes.desc_signature,
    addnodes.pending_xref,
    nodes.FixedTextElement,
    nodes.reference,
    nodes.title,
)


class PublicNames(SphinxTransform):
    """Make references of public names in the content of documented objects."""

    default_priority = 200

    def apply(self, **kwargs: Any) -> None:
        """Replace the names of one page."""
        for content in self.document.findall(addnodes.desc_content):
            for text in list(content.findall(nodes.Text)):
                if not _has_ancestor(text, UNTOUCHED) and NAME.search(text):
                    _replace(text, self.env.docname)


def _has_ancestor(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _replace(text: nodes.Text, page: str) -> None:
    is_code = isinstance(text.parent, nodes.literal)
    parts: list[nodes.Node] = []
    for index, part in enumerate(NAME.split(text)):
        is_name = index % 2 == 1 and (is_code or part not in COMMON_WORDS)
        shown = nodes.Text(part)
        parts.append(_reference(shown, page) if is_name else shown)
    text.parent.replace(text, [part for part in parts if part.astext()])


def _reference(name: nodes.Text, page: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.inline("", "", name),
        refdomain="py",
        reftype="obj",
        reftarget=f"charloom.{name}",
        refdoc=page,
        refexplicit=True,
    )


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
