import struct

import pytest

from charloom.exchange.hdf5_values import (
    Hdf5Error,
    parse_attribute,
    parse_dataspace,
    parse_datatype,
    take,
)


def no_heap(address: int, index: int) -> bytes:
    raise AssertionError


def test_nothing_is_taken_beyond_the_end() -> None:
    assert take(b"abcd", 1, 2) == b"bc"
    for position, size in ((3, 2), (-1, 1), (0, -1), (1 << 70, 1)):
        with pytest.raises(Hdf5Error, match="^is truncated or damaged$"):
            take(b"abcd", position, size)


def test_axes_of_both_versions() -> None:
    assert parse_dataspace(struct.pack("<BBBB4xQQ", 1, 2, 0, 0, 3, 4)) == (3, 4)
    assert parse_dataspace(struct.pack("<BBBBQ", 2, 1, 0, 1, 5)) == (5,)
    assert parse_dataspace(struct.pack("<BBBB", 2, 0, 0, 2)) == (0,)
    assert parse_dataspace(struct.pack("<BBBB4x", 1, 0, 0, 0)) == ()
    for version, axes in ((3, 1), (1, 33)):
        with pytest.raises(Hdf5Error, match="^has axes of an unknown layout$"):
            parse_dataspace(struct.pack("<BBBB", version, axes, 0, 0))


def test_numbers_that_numpy_lacks_have_no_type() -> None:
    odd = struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 31, 0, 4, 0, 32, 22, 9, 0, 22, 255)
    assert parse_datatype(odd).dtype is None
    vax = struct.pack("<BBBBIHHBBBBI", 0x11, 0x41, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127)
    assert parse_datatype(vax).dtype is None


def test_texts_that_repeat_are_bounded() -> None:
    kind = struct.pack("<BBBBI", 0x19, 1, 0, 0, 16)
    space = struct.pack("<BBBBQ", 2, 1, 0, 1, 3)
    values = 3 * struct.pack("<IQI", 9_000_000, 8, 1)
    data = struct.pack("<BBHHHB", 3, 0, 2, len(kind), len(space), 0) + b"a\0" + kind + space
    with pytest.raises(Hdf5Error, match="^has an attribute of more than 16,000,000 bytes$"):
        parse_attribute(data + values, lambda address, index: bytes(9_000_000))


def test_attributes_of_an_unknown_layout_are_refused() -> None:
    for version, flags in ((4, 0), (2, 1)):
        with pytest.raises(Hdf5Error, match="^has attributes of an unknown layout$"):
            parse_attribute(struct.pack("<BBHHHB", version, flags, 0, 0, 0, 0), no_heap)
