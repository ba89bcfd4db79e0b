"""Prefixes of characters in UTF-8, for classes of characters.

Prefixes that the same classes may complete with the same bytes are one.

Axes: K continuation bytes (64), N different prefixes of one length.
"""

import dataclasses
import functools
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = 0x110000
"""Number of code points."""
_INVALID = -1
_CONTINUATION = 0x80


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prefix:
    """The first bytes of a character, of which at least one is missing."""

    index: int
    """Its place among ``Utf8Prefixes.prefixes``; longer ones come first."""
    classes: dict[int, list[int]]
    """The bytes that complete a character of each class."""
    longer: dict["Prefix", list[int]]
    """The bytes that lead to each longer prefix. One of the two is empty."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    @functools.cached_property
    def reachable(self) -> frozenset[int]:
        """The classes of all characters with this prefix."""
        return frozenset(self.classes).union(*(prefix.reachable for prefix in self.longer))

    @functools.cached_property
    def invalid(self) -> list[int]:
        """The bytes that may not follow in UTF-8, ascending."""
        valid = set(chain.from_iterable([*self.classes.values(), *self.longer.values()]))
        return [byte for byte in range(256) if byte not in valid]


class Utf8Prefixes:
    """The prefixes of all characters, whose classes are given for each code point."""

    def __init__(self, class_of_code: NDArray[np.int32]) -> None:
        self.prefixes: list[Prefix] = []
        # Prefixes with one byte to come, of two bytes, three bytes and four bytes.
        blocks = self._merge(class_of_code.reshape(-1, 64), is_last=True)
        middle_NK = np.array(blocks).reshape(-1, 64)
        middle_NK[0, : 0x800 >> 6] = _INVALID  # shorter encodings exist
        middle_NK[0xD, 32:] = _INVALID  # surrogates
        middle = self._merge(middle_NK, is_last=False)
        top_NK = np.full((5, 64), _INVALID)
        top_NK.ravel()[0x10:0x110] = middle[0x10:0x110]
        top = self._merge(top_NK, is_last=False)
        self.after_lead = (
            {0xC0 + index: self.prefixes[blocks[index]] for index in range(2, 32)}
            | {0xE0 + index: self.prefixes[middle[index]] for index in range(16)}
            | {0xF0 + index: self.prefixes[top[index]] for index in range(5)}
        )
        """The prefix after the first byte of a character of several bytes."""

    def _merge(self, targets_NK: NDArray[Any], *, is_last: bool) -> list[int]:
        """Add the distinct rows as prefixes; return the index of each row's prefix."""
        first, index_of = len(self.prefixes), dict[bytes, int]()
        result = [index_of.setdefault(row.tobytes(), len(index_of)) for row in targets_NK]
        distinct = [np.frombuffer(row, targets_NK.dtype) for row in index_of]
        for row in distinct:
            bytes_of = {
                int(target): (_CONTINUATION + np.flatnonzero(row == target)).tolist()
                for target in np.unique(row)
                if target != _INVALID
            }
            longer = {} if is_last else {self.prefixes[t]: b for t, b in bytes_of.items()}
            self.prefixes.append(
                Prefix(index=len(self.prefixes), classes=bytes_of if is_last else {}, longer=longer)
            )
        return [first + index for index in result]
