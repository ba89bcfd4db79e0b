"""Read HDF5 files from other programs, as h5py writes them by default.

The reader is in Python because the C library ends the process, or never returns, for some damaged
files. It follows hard links only. It refuses soft and external links, data in other files, virtual
and chunked data, filters and newer layouts of a file. Each size is checked against the file before
memory is used for it.

Source of the layout: "HDF5 File Format Specification Version 3.0", sections II.A (superblock
version 0), III.A to III.E (B-trees, symbol tables, heaps) and IV.A (object headers version 1).
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.exchange.hdf5_values import (
    Hdf5Error,
    parse_attribute,
    parse_dataspace,
    parse_datatype,
    take,
)

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_ROOT_ENTRY: Final = {0: 56, 1: 60}
"""Offset of the entry of the root group, by the version of the superblock."""
_UNDEFINED: Final = 0xFFFF_FFFF_FFFF_FFFF
_SOFT_LINK: Final = 2
_MAX_LINKS: Final = 20_000
"""Links in a group, and messages of an object."""

_DATASPACE, _LINK_INFO, _DATATYPE, _EXTERNAL, _LINK = 0x1, 0x2, 0x3, 0x7, 0x6
_LAYOUT, _FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE = 0x8, 0xB, 0xC, 0x10, 0x11
_ATTRIBUTE_INFO: Final = 0x15
_COMPACT, _CONTIGUOUS = 0, 1
_SHARED: Final = 0x2
"""Flag of a message that is stored elsewhere."""


class Hdf5File:
    """The groups, datasets and attributes of a file in memory."""

    def __init__(self, content: bytes) -> None:
        """Read the superblock; raises Hdf5Error for one that h5py does not write."""
        self._content = content
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._unread = len(content)
        """Bytes of weights that may still be read: datasets may overlap in a hostile file only."""
        self._unread_heaps = len(content)
        if content[: len(_SIGNATURE)] != _SIGNATURE:
            raise Hdf5Error("is not an HDF5 file")
        version, offsets, lengths = take(content, 8, 1)[0], *take(content, 13, 2)
        if version not in _ROOT_ENTRY or (offsets, lengths) != (8, 8):
            raise Hdf5Error("has a newer layout of HDF5")
        entry = _ROOT_ENTRY[version]
        base = self._integer(entry - 32)
        if base != 0:
            raise Hdf5Error("has a user block")
        self.root = self._integer(entry + 8)
        """The address of the root group."""

    def find(self, *names: str) -> int:
        """Return the address of an object by its names from the root on.

        Raises Hdf5Error if there is none, or if a name is a soft link.
        """
        address = self.root
        for depth, name in enumerate(names, 1):
            links = self.links(address)
            if name not in links:
                raise Hdf5Error(f"has no {'/'.join(names[:depth])}")
            found = links[name]
            if found is None:
                raise Hdf5Error(f"has a soft link at {'/'.join(names[:depth])}")
            address = found
        return address

    def links(self, address: int) -> dict[str, int | None]:
        """Return the addresses of the members of a group; None for a soft link."""
        for kind, data in self._messages(address):
            if kind in (_LINK, _LINK_INFO):
                raise Hdf5Error("has groups of a newer layout of HDF5")
            if kind == _SYMBOL_TABLE:
                tree, heap = struct.unpack_from("<QQ", data)
                return dict(self._symbols(tree, heap))
        return {}

    def attributes(self, address: int) -> dict[str, Any]:
        """Return the attributes of an object: texts, lists of texts, None for others."""
        found = {}
        for kind, data in self._messages(address):
            if kind == _ATTRIBUTE_INFO:
                raise Hdf5Error("has attributes of a newer layout of HDF5")
            if kind == _ATTRIBUTE:
                name, value = parse_attribute(data, self._heap_object)
                found[name] = value
        return found

    def array(self, address: int) -> NDArray[np.float32]:
        """Return a dataset of floating-point numbers; raises Hdf5Error for any other."""
        messages: dict[int, bytes] = {}
        for kind, data in self._messages(address):
            messages.setdefault(kind, data)
        for kind, reason in ((_EXTERNAL, "in other files"), (_FILTERS, "that are compressed")):
            if kind in messages:
                raise Hdf5Error(f"has data {reason}")
        if not {_DATASPACE, _DATATYPE, _LAYOUT} <= messages.keys():
            raise Hdf5Error("has a group where weights are expected")
        dtype = parse_datatype(messages[_DATATYPE]).dtype
        shape = parse_dataspace(messages[_DATASPACE])
        if dtype is None:
            raise Hdf5Error("has weights that are not floating-point numbers")
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size > self._unread:
            raise Hdf5Error("has weights larger than the file")
        self._unread -= size
        data = self._data(messages[_LAYOUT], size)
        with np.errstate(over="ignore"):
            return np.frombuffer(data, dtype).reshape(shape).astype(np.float32)

    def _data(self, layout: bytes, size: int) -> bytes:
        version, kind = take(layout, 0, 2)
        if version not in (3, 4) or kind not in (_COMPACT, _CONTIGUOUS):
            raise Hdf5Error("has data in chunks, virtual data or an old layout of data")
        if kind == _COMPACT:
            return take(layout, 4, size)
        [address] = struct.unpack_from("<Q", layout, 2)
        if size == 0:
            return b""
        if address == _UNDEFINED:
            raise Hdf5Error("has weights that were never written")
        return take(self._content, address, size)

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Yield type and content of the messages of an object header."""
        version, _, count, _, size = struct.unpack_from("<BBHII", take(self._content, address, 12))
        if version != 1:
            raise Hdf5Error("has objects of a newer layout of HDF5")
        blocks = [(address + 16, size)]
        seen = set()
        while blocks and count > 0:
            start, size = blocks.pop(0)
            if start in seen:
                raise Hdf5Error("is damaged: a header continues in itself")
            seen.add(start)
            block = take(self._content, start, size)
            position = 0
            while position + 8 <= size and count > 0:
                kind, length, flags = struct.unpack_from("<HHB", block, position)
                data = take(block, position + 8, length)
                position += 8 + length
                count -= 1
                if kind == _CONTINUATION:
                    blocks.append(struct.unpack_from("<QQ", data))
                elif flags & _SHARED:
                    raise Hdf5Error("has shared messages")
                else:
                    yield kind, data

    def _symbols(self, tree: int, heap: int) -> Iterator[tuple[str, int | None]]:
        """Yield name and address of each link of a group."""
        names = self._local_heap(heap)
        waiting, seen, count = [tree], set(), 0
        while waiting:
            node = waiting.pop()
            if node in seen:
                raise Hdf5Error("is damaged: a group contains itself")
            seen.add(node)
            signature = take(self._content, node, 4)
            if signature == b"TREE":
                _, _, used = struct.unpack_from("<BBH", take(self._content, node + 4, 4))
                body = take(self._content, node + 24, 16 * used)
                waiting += [struct.unpack_from("<QQ", body, 16 * k)[1] for k in range(used)]
            elif signature == b"SNOD":
                [used] = struct.unpack_from("<H", take(self._content, node + 6, 2))
                body = take(self._content, node + 8, 40 * used)
                for k in range(used):
                    offset, address, cached = struct.unpack_from("<QQI", body, 40 * k)
                    yield _text_at(names, offset), None if cached == _SOFT_LINK else address
                count += used
            else:
                raise Hdf5Error("is damaged: a group has no list of members")
            if max(count, len(seen) + len(waiting)) > _MAX_LINKS:
                raise Hdf5Error(f"has a group of more than {_MAX_LINKS:,} members")

    def _local_heap(self, address: int) -> bytes:
        if take(self._content, address, 4) != b"HEAP":
            raise Hdf5Error("is damaged: a group has no names")
        size, _, data = struct.unpack_from("<QQQ", take(self._content, address + 8, 24))
        return take(self._content, data, size)

    def _heap_object(self, address: int, index: int) -> bytes:
        """Return an object of a global heap."""
        if address not in self._heaps:
            self._heaps[address] = dict(self._heap_objects(address))
        if index not in self._heaps[address]:
            raise Hdf5Error("is damaged: a text is missing")
        return self._heaps[address][index]

    def _heap_objects(self, address: int) -> Iterator[tuple[int, bytes]]:
        if take(self._content, address, 4) != b"GCOL":
            raise Hdf5Error("is damaged: texts are missing")
        size = self._integer(address + 8)
        self._unread_heaps -= size
        if self._unread_heaps < 0:  # heaps overlap
            raise Hdf5Error("is damaged: texts are larger than the file")
        heap = take(self._content, address, size)
        position = 16
        while position + 16 <= len(heap):
            index, _, _, size = struct.unpack_from("<HHIQ", heap, position)
            if index == 0:  # the free space, which is last
                return
            yield index, take(heap, position + 16, size)
            position += 16 + -(-size // 8) * 8

    def _integer(self, position: int) -> int:
        [value] = struct.unpack("<Q", take(self._content, position, 8))
        return int(value)


def _text_at(names: bytes, offset: int) -> str:
    end = names.find(b"\0", offset)
    if offset >= len(names) or end < 0:
        raise Hdf5Error("is damaged: a member has no name")
    return names[offset:end].decode("utf-8", "replace")


def guarded(read: Callable[[], Any]) -> Any:
    """Return the result of a function that reads a file; raises Hdf5Error for damage."""
    try:
        return read()
    except (struct.error, ValueError, OverflowError, IndexError) as error:
        if isinstance(error, Hdf5Error):
            raise
        raise Hdf5Error("is damaged") from error
