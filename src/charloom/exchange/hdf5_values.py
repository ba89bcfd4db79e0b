"""Types, shapes and attributes of HDF5 files, as ``hdf5`` reads them.

Source: "HDF5 File Format Specification Version 3.0", sections IV.A.2.b (dataspaces), d (datatypes)
and m (attributes).
"""

import dataclasses
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np

_FLOAT, _STRING, _SEQUENCE = 1, 3, 9
_IEEE: Final = {
    (2, 0, 16, 10, 5, 0, 10, 15): "f2",
    (4, 0, 32, 23, 8, 0, 23, 127): "f4",
    (8, 0, 64, 52, 11, 0, 52, 1023): "f8",
}
"""Types of NumPy by bytes, bit offset, bits, place and bits of exponent and mantissa, and bias."""
_MAX_AXES: Final = 32
_MAX_TEXT: Final = 16_000_000
"""Bytes of all texts of an attribute, which may repeat in a hostile file."""
_REFERENCE_BYTES: Final = 16
"""Bytes of the length and the place of a text of variable length."""


class Hdf5Error(ValueError):
    """A file that cannot be read; the message is the end of a sentence about the file."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datatype:
    """The type of the values of a dataset or an attribute."""

    size: int
    dtype: np.dtype[Any] | None = None
    """The type in NumPy, for floating-point numbers only."""
    is_text: bool = False
    """Whether values are texts of ``size`` bytes."""
    is_reference: bool = False
    """Whether values are texts of variable length."""


def take(content: bytes, position: int, size: int) -> bytes:
    """Return ``size`` bytes at a position; raises Hdf5Error beyond the content."""
    if position < 0 or size < 0 or position + size > len(content):
        raise Hdf5Error("is truncated or damaged")
    return content[position : position + size]


def parse_datatype(data: bytes) -> Datatype:
    """Return the type in a message; one of neither numbers nor texts has no fields."""
    kind, flags, size = take(data, 0, 1)[0], take(data, 1, 3), _integer(data, 4)
    if kind & 15 == _FLOAT:
        layout = (size, *struct.unpack_from("<HHBBBBI", take(data, 8, 12)))
        order = ">" if flags[0] & 1 else "<"
        name = None if flags[0] & 0x40 else _IEEE.get(layout)
        return Datatype(size=size, dtype=None if name is None else np.dtype(order + name))
    if kind & 15 == _STRING:
        return Datatype(size=size, is_text=True)
    if kind & 15 == _SEQUENCE and flags[0] & 15 == 1 and size == _REFERENCE_BYTES:
        return Datatype(size=size, is_reference=True)
    return Datatype(size=size)


def parse_dataspace(data: bytes) -> tuple[int, ...]:
    """Return the lengths of the axes in a message; none for a single value."""
    version, axes, _, kind = take(data, 0, 4)
    if version not in (1, 2) or axes > _MAX_AXES:
        raise Hdf5Error("has axes of an unknown layout")
    if version == 2 and kind == 2:
        return (0,)
    start = 8 if version == 1 else 4
    return struct.unpack(f"<{axes}Q", take(data, start, 8 * axes))


def parse_attribute(data: bytes, heap_object: Callable[[int, int], bytes]) -> tuple[str, Any]:
    """Return name and value of an attribute: a text, a list of texts, or None.

    ``heap_object`` returns a text of variable length by its address and its number.
    """
    version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", data)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise Hdf5Error("has attributes of an unknown layout")
    position = 9 if version == 3 else 8
    parts = []
    for size in (name_size, type_size, space_size):
        parts.append(take(data, position, size))
        position += -(-size // 8) * 8 if version == 1 else size
    name = parts[0].split(b"\0")[0].decode("utf-8", "replace")
    datatype, shape = parse_datatype(parts[1]), parse_dataspace(parts[2])
    if len(shape) > 1 or not (datatype.is_text or datatype.is_reference):
        return name, None
    count = shape[0] if shape else 1
    values = take(data, position, count * datatype.size)
    if datatype.size == 0:
        return name, None
    texts, total = [], 0
    for start in range(0, len(values), datatype.size):
        value = values[start : start + datatype.size]
        if datatype.is_reference:
            length, address, index = struct.unpack("<IQI", value)
            value = take(heap_object(address, index), 0, length) if length else b""
        total += len(value)
        if total > _MAX_TEXT:
            raise Hdf5Error(f"has an attribute of more than {_MAX_TEXT:,} bytes")
        texts.append(value.rstrip(b"\0").decode("utf-8"))
    return name, texts if shape else texts[0]


def _integer(data: bytes, position: int) -> int:
    return int.from_bytes(take(data, position, 4), "little")
