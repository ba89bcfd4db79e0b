"""Links to files outside docs/, such as ``../CONTRIBUTING.md``, which a site does not have.

A forge follows them. On the site they become plain text: the path in the repository, in brackets
unless it is the text of the link already.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class OutsideLinks(SphinxTransform):
    """Replace links to files of the repository that are not below docs/."""

    default_priority = 100

    def apply(self, **kwargs: Any) -> None:
        """Replace the links of one page."""
        for link in [
            *self.document.findall(addnodes.download_reference),
            *self.document.findall(addnodes.pending_xref),
        ]:
            if link.get("reftype") == "myst" and (path := self._outside(link)) is not None:
                link.replace_self(_as_text(link.astext(), path))

    def _outside(self, link: nodes.Element) -> str | None:
        """Return the path in the repository of a target that is not below docs/.

        The source folder of the site may be a copy of docs/, so the target may be missing.
        """
        docs, target = Path(self.env.srcdir), link["reftarget"].partition("#")[0]
        if link.get("refdomain") == "doc":
            if not Path(target).is_absolute():
                return None
            target += ".md"  # MyST removes the suffix of a page
        path = os.path.relpath((docs / self.env.docname).parent / target, docs)
        return path[len("../") :].replace(os.sep, "/") if path.startswith("..") else None


def _as_text(text: str, path: str) -> list[nodes.Node]:
    shown = nodes.literal(path, path)
    if Path(text).name == Path(path).name:
        return [shown]
    return [nodes.Text(f"{text} ("), shown, nodes.Text(")")]


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(OutsideLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
