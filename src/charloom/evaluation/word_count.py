"""Count words: runs of characters between white space, at any level of the model."""

import functools

import numpy as np
from numpy.typing import NDArray

from charloom.text.documents import Block


class WordCounter:
    """Counts the words of blocks, which are added in order."""

    def __init__(self) -> None:
        self.words = 0
        self._inside_word = False
        """Whether the last block ended inside a word of an unfinished document."""

    def add(self, block: Block) -> None:
        """Add the words that begin in ``block``."""
        codes = block.codes
        if not len(codes):
            self._inside_word = self._inside_word and block.unfinished
            return
        in_word = ~_whitespace_table().take(codes, mode="clip")
        is_start = in_word.copy()
        is_start[1:] &= ~in_word[:-1]
        # A document's first character starts a word, whatever the previous document ends with.
        starts = np.cumsum(block.lengths) - block.lengths
        starts = starts[(starts < len(codes)) & (block.lengths > 0)]
        is_start[starts] = in_word[starts]
        if self._inside_word:
            is_start[0] = False
        self.words += int(np.count_nonzero(is_start))
        self._inside_word = block.unfinished and bool(in_word[-1])


@functools.cache
def _whitespace_table() -> NDArray[np.bool_]:
    """Return whether each code point up to U+3001 is white space; no larger one is."""
    return np.array([chr(code).isspace() for code in range(0x3002)])
