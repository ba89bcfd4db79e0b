"""The library's docstrings on the page: blocks, attributes, signatures and types of arrays."""

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from charloom.events import Event
from charloom.records import Record

if TYPE_CHECKING:
    from sphinx.application import Sphinx

Signature = tuple[str, None]
ARRAY = "ndarray[tuple[Any, ...], dtype["
"""The beginning of ``NDArray[`` with its alias resolved; it ends with one bracket more."""


def mark_blocks(lines: list[str]) -> list[str]:
    """Return the lines with ``::`` before each indented block that follows an empty line.

    Docstrings of modules have such blocks, as the tree of errors; reStructuredText asks for ``::``.

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


def short_type(text: str) -> str:
    """Return a type with the name that the source has for arrays.

    >>> short_type("ndarray[tuple[Any, ...], dtype[float32]] | None")
    'NDArray[float32] | None'
    """
    before, found, after = text.partition(ARRAY)
    return before + "NDArray[" + short_type(after.replace("]]", "]", 1)) if found else text


def _process(app: "Sphinx", what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what == "module":
        lines[:] = mark_blocks(lines)
    elif what in ("attribute", "data", "property"):
        # napoleon reads a colon in the first line as the end of a type. It reads an empty one so.
        lines.insert(0, "")


def _hide_fields(
    app: "Sphinx", what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> Signature | None:
    """Leave out the arguments of a record or an event: they are its fields, which follow."""
    made_by_user = name.endswith("NetworkState")
    is_record = isinstance(obj, type) and issubclass(obj, Record | Event)
    return ("", None) if is_record and not made_by_user else None


class ArrayTypes(SphinxTransform):
    """Shorten the types of arrays in signatures."""

    default_priority = 150

    def apply(self, **kwargs: Any) -> None:
        """Replace the types of one page."""
        for annotation in self.document.findall(addnodes.desc_annotation):
            if ARRAY in (text := annotation.astext()):
                annotation.children = [nodes.Text(short_type(text))]


def setup(app: "Sphinx") -> dict[str, bool]:
    """Process docstrings, before napoleon does, and signatures."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    app.connect("autodoc-process-signature", _hide_fields)
    app.add_transform(ArrayTypes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
