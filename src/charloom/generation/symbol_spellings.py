"""Transitions of a byte automaton over whole symbols, many at once.

Axes: V symbols, K symbols longer than some number of bytes, F states to start from, R states of the
byte automaton as rows of a table, where row 0 means no match.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.generation.byte_automaton import ByteAutomaton, too_large_error
from charloom.text.symbols import code_of
from charloom.text.vocabulary import Vocabulary

MAX_CHUNK = 2**20
"""Pairs of a state and a symbol to follow at a time; this bounds memory."""

_BYTES = 256


class ByteTable:
    """The transition table of a byte automaton, filled in as states are visited."""

    def __init__(self, automaton: ByteAutomaton, max_states: int) -> None:
        self.states = [-1]
        """The state of each row."""
        self._automaton = automaton
        self._max_states = max_states
        self._row_of: dict[int, int] = {}
        self._next_RB = np.zeros((16, _BYTES), np.int32)
        self._filled_R = np.zeros(16, np.bool_)
        self._filled_R[0] = True

    def row(self, state: int) -> int:
        """Return the row of a state; raises SettingsError if there are too many states."""
        row = self._row_of.setdefault(state, len(self.states))
        if row == len(self.states):
            if row > self._max_states:
                raise too_large_error(self._automaton.pattern)
            self.states.append(state)
        return row

    def advance(self, rows_FK: NDArray[Any], bytes_K: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the rows after one more byte, (F, K)."""
        needed_R = np.zeros(len(self._filled_R), np.bool_)
        needed_R[rows_FK] = True
        for row in np.flatnonzero(needed_R & ~self._filled_R).tolist():
            for byte, state in self._automaton.transitions(self.states[row]):
                self._next_RB[row, byte] = self.row(state)
            self._filled_R[row] = True
        result_FK: NDArray[np.int32] = self._next_RB[rows_FK, bytes_K]
        while len(self._filled_R) < len(self.states):
            self._next_RB = np.concatenate([self._next_RB, np.zeros_like(self._next_RB)])
            self._filled_R = np.concatenate([self._filled_R, np.zeros_like(self._filled_R)])
        return result_FK


class SymbolSpellings:
    """The bytes of all symbols of a vocabulary, which an automaton reads in parallel.

    Column k has byte k of all symbols that are longer than k bytes.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._size = len(vocabulary)
        spelled = {
            index: bytes([code_of("byte")(symbol)])
            if vocabulary.level == "byte"
            else symbol.encode("utf-8", errors="surrogatepass")
            for symbol, index in vocabulary.ids.items()
        }
        ids = sorted(spelled, key=lambda index: -len(spelled[index]))
        self._ids = np.array(ids, np.int64)
        self.bytes = frozenset(b"".join(spelled.values()))
        """All bytes of all symbols."""
        longest = len(spelled[ids[0]]) if ids else 0
        # The longest symbols come first, so those with a byte at an offset are the first K.
        columns = [
            [spelled[index][offset] for index in ids if len(spelled[index]) > offset]
            for offset in range(longest)
        ]
        self._columns = [np.array(column, np.int64) for column in columns]

    def advance(
        self, rows_F: NDArray[np.int64], table: ByteTable, allowed_V: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Return the row after each symbol, (F, V); 0 after those that are not allowed."""
        result_FV = np.zeros((len(rows_F), self._size), np.int32)
        step = max(MAX_CHUNK // self._size, 1)
        for first in range(0, len(rows_F), step):
            chunk = slice(first, first + step)
            rows_FV = np.repeat(rows_F[chunk, None], len(self._ids), axis=1)
            for bytes_K in self._columns:
                rows_FK = rows_FV[:, : len(bytes_K)]
                rows_FK[:] = table.advance(rows_FK, bytes_K)
            result_FV[chunk, self._ids] = rows_FV
        result_FV[:, ~allowed_V] = 0
        return result_FV
