"""Drawings in SVG become part of the page, so that they have the colors of its theme.

An image element does not inherit colors; an SVG element does, by ``currentColor`` and by furo's
variables. A forge shows the same file as an image.
"""

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class InlineSvg(SphinxTransform):
    """Replace the images of docs/images/*.svg by their content."""

    default_priority = 100

    def apply(self, **kwargs: Any) -> None:
        """Replace the images of one page."""
        for image in list(self.document.findall(nodes.image)):
            if re.search(r"(?:^|/)images/[\w-]+\.svg$", image["uri"]):
                path = Path(self.env.doc2path(self.env.docname)).parent / image["uri"]
                self.env.note_dependency(path)
                svg = with_label(path.read_text("utf-8"), " ".join(image.get("alt", "").split()))
                image.replace_self(nodes.raw("", svg, format="html"))


def with_label(svg: str, label: str) -> str:
    """Return a drawing with a text for those who do not see it.

    >>> with_label('<svg viewBox="0 0 9 9"></svg>', "a curve")
    '<svg role="img" aria-label="a curve" class="drawing" viewBox="0 0 9 9"></svg>'
    """
    attributes = f'role="img" aria-label="{html.escape(label)}" class="drawing"'
    return svg[svg.index("<svg") :].replace("<svg", f"<svg {attributes}", 1)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(InlineSvg)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
