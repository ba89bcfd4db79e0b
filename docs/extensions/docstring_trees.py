"""Indented blocks in the docstrings of modules, such as the tree of errors, as literal blocks.

reStructuredText asks for ``::`` before such a block, which the source reads better without.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def mark_blocks(lines: list[str]) -> list[str]:
    """Return the lines with ``::`` before each indented block that follows an empty line.

    >>> mark_blocks(["All errors.", "", "    Root", "    └── Leaf", "", "The end."])
    ['All errors.', '', '::', '', '    Root', '    └── Leaf', '', 'The end.']
    """
    marked: list[str] = []
    inside = False
    for line in lines:
        indented = line.startswith(" ")
        if indented and not inside and (not marked or not marked[-1]):
            marked += ["::", ""]
        inside = indented or (inside and not line)
        marked.append(line)
    return marked


def _mark(app: "Sphinx", what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what == "module":
        lines[:] = mark_blocks(lines)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Mark blocks when docstrings are read."""
    app.connect("autodoc-process-docstring", _mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
