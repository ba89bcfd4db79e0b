r"""Equations as MathML, which browsers draw by themselves: no script, no font, no other host.

An equation is written in LaTeX: ``$h'$`` in a line, or a fence ``math``. A forge shows both too.
"""

from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _visit_inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _visit_block(writer: Any, node: nodes.math_block) -> None:
    # A wide equation scrolls by itself; a keyboard reaches it by its tab stop.
    writer.body.append('<div class="math" tabindex="0" role="group" aria-label="equation">')
    writer.body.append(tex2mathml(node.astext(), as_block=True))
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def _depart(writer: Any, node: nodes.Node) -> None:
    """Do nothing: the children of an equation are skipped."""


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (_visit_inline, _depart), (_visit_block, _depart))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
