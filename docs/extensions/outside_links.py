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
        docs = Path(self.env.srcdir).resolve()
        for link in list(self.document.findall(addnodes.download_reference)):
            page = docs / self.env.docname
            target = (page.parent / link["reftarget"]).resolve()
            if target.is_relative_to(docs):
                continue
            path = target.relative_to(docs.parent).as_posix()
            text = link.astext()
            shown: list[nodes.Node] = [nodes.literal(path, path)]
            if Path(text).name != target.name:
                shown = [nodes.Text(f"{text} ("), *shown, nodes.Text(")")]
            link.replace_self(shown)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(OutsideLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
