"""Links to files outside docs/, such as ``../CONTRIBUTING.md``, which a site does not have.

A forge follows them. On the site they become plain text: the path in the repository, in brackets
unless it is the text of the link already.
"""

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

    def _outside(self, link: nodes.Element) -> Path | None:
        """Return the path in the repository of a target that is not below docs/."""
        docs, target = Path(self.env.srcdir).resolve(), Path(link["reftarget"])
        if isinstance(link, addnodes.download_reference):
            target = ((docs / self.env.docname).parent / target).resolve()
        elif link.get("refdomain") == "doc" and target.is_absolute():
            target = target.with_name(target.name + ".md")  # MyST removes the suffix of a page
        else:
            return None
        return None if target.is_relative_to(docs) else target.relative_to(docs.parent)


def _as_text(text: str, path: Path) -> list[nodes.Node]:
    shown = nodes.literal(path.as_posix(), path.as_posix())
    if Path(text).name == path.name:
        return [shown]
    return [nodes.Text(f"{text} ("), shown, nodes.Text(")")]


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(OutsideLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
