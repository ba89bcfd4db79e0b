"""How many words a text has: what stands between white space, whatever the level of the model."""

import functools

import numpy as np
from numpy.typing import NDArray

from charloom.text.documents import Block


class WordCounter:
    """Counts the words of blocks, one block after another."""

    def __init__(self) -> None:
        self.words = 0
        self._inside_word = False
        """Whether the last block left off within a word."""

    def add(self, block: Block) -> None:
        """Count the words that begin in ``block``; one that goes on from the last was counted."""
        codes = block.codes
        if not len(codes):
            return
        inside = ~_whitespace_table().take(codes, mode="clip")
        begins = inside.copy()
        begins[1:] &= ~inside[:-1]
        starts = np.cumsum(block.lengths) - block.lengths
        # What stands behind the last document begins nothing.
        starts = starts[(starts < len(codes)) & (block.lengths > 0)]
        begins[starts] = inside[starts]
        if self._inside_word:
            begins[0] = False
        self.words += int(np.count_nonzero(begins))
        self._inside_word = block.unfinished and bool(inside[-1])


@functools.cache
def _whitespace_table() -> NDArray[np.bool_]:
    """Return whether each code point is white space, to one above the last that is."""
    return np.array([chr(code).isspace() for code in range(0x3002)])
