"""An automaton over symbols, stored as default rows and exceptions.

After most symbols, an automaton of forbidden strings is in the same state wherever it was before.
So a state stores only the symbols after which it differs from a row that many states share.

Axes: B sequences, V symbols, F states, D default rows, E exceptions.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseAutomaton:
    """The states after texts without forbidden strings; -1 is the state of all others."""

    default_DV: NDArray[np.int32]
    """The state after each symbol, but for exceptions; -1 for the boundary and ``<unk>``."""
    base_F: NDArray[np.int32]
    """The default row of each state."""
    offsets_F1: NDArray[np.int64]
    """The first exception of each state, and the number of all."""
    symbols_E: NDArray[np.int32]
    """The symbol of each exception, in ascending order for each state."""
    targets_E: NDArray[np.int32]
    """The state after it."""
    may_end_F: NDArray[np.bool_]
    """Whether a text may end in a state."""

    @classmethod
    def from_exceptions(
        cls,
        default_DV: Ints,
        base_F: Ints,
        may_end_F: NDArray[np.bool_],
        keys_E: Ints,
        targets_E: Ints,
    ) -> "SparseAutomaton":
        """Return an automaton from exceptions in any order.

        A key is ``state * V + symbol``; of equal keys the first counts. Exceptions that equal the
        default are dropped.
        """
        states, symbols = len(base_F), default_DV.shape[1]
        keys_E, first_E = np.unique(keys_E, return_index=True)
        targets_E = targets_E[first_E]
        kept = targets_E != default_DV[base_F[keys_E // symbols], keys_E % symbols]
        keys_E, targets_E = keys_E[kept], targets_E[kept]
        return cls(
            default_DV=np.ascontiguousarray(default_DV, np.int32),
            base_F=base_F.astype(np.int32),
            offsets_F1=np.searchsorted(keys_E, np.arange(states + 1) * symbols).astype(np.int64),
            symbols_E=(keys_E % symbols).astype(np.int32),
            targets_E=targets_E.astype(np.int32),
            may_end_F=may_end_F,
        )

    def reorder(self, columns_S: Ints, symbols: int) -> "SparseAutomaton":
        """Return the automaton over ``symbols`` symbols, of which this one has some.

        ``columns_S`` has the new number of each symbol of this one, or -1 to drop it. No state
        follows the others.
        """
        default_DV = np.full((len(self.default_DV), symbols), -1, np.int32)
        kept_S = columns_S >= 0
        default_DV[:, columns_S[kept_S]] = self.default_DV[:, kept_S]
        states_E = np.repeat(np.arange(len(self)), np.diff(self.offsets_F1))
        columns_E = columns_S[self.symbols_E]
        kept_E = columns_E >= 0
        keys_E = states_E[kept_E] * symbols + columns_E[kept_E]
        return SparseAutomaton.from_exceptions(
            default_DV, self.base_F, self.may_end_F, keys_E, self.targets_E[kept_E]
        )

    def __len__(self) -> int:
        return len(self.base_F)

    def rows(self, states_B: Ints) -> NDArray[np.int32]:
        """Return the state after each symbol, (B, V)."""
        result_BV: NDArray[np.int32] = self.default_DV[self.base_F[states_B]]
        counts_B = self.offsets_F1[states_B + 1] - self.offsets_F1[states_B]
        exceptions = ranges(self.offsets_F1[states_B], counts_B)
        rows = np.repeat(np.arange(len(states_B)), counts_B)
        result_BV[rows, self.symbols_E[exceptions]] = self.targets_E[exceptions]
        return result_BV

    def next_states(self, states_B: Ints, ids_B: Ints) -> NDArray[np.int32]:
        """Return the state after one symbol, (B,)."""
        result_B: NDArray[np.int32] = self.default_DV[self.base_F[states_B], ids_B]
        if len(self.keys_E):
            keys_B = states_B * self.default_DV.shape[1] + ids_B
            place_B = np.minimum(np.searchsorted(self.keys_E, keys_B), len(self.keys_E) - 1)
            found_B = self.keys_E[place_B] == keys_B
            result_B[found_B] = self.targets_E[place_B[found_B]]
        return result_B

    def has_exception(self, states_F: Ints, symbol: int) -> NDArray[np.bool_]:
        """Return which of some states have an exception for a symbol."""
        if not len(self.keys_E):
            return np.zeros(len(states_F), np.bool_)
        keys_F = states_F * self.default_DV.shape[1] + symbol
        place_F = np.minimum(np.searchsorted(self.keys_E, keys_F), len(self.keys_E) - 1)
        return np.asarray(self.keys_E[place_F] == keys_F)

    @functools.cached_property
    def keys_E(self) -> NDArray[np.int64]:
        """State and symbol of each exception as one number, ascending."""
        states_E = np.repeat(np.arange(len(self)), np.diff(self.offsets_F1))
        return np.asarray(states_E * self.default_DV.shape[1] + self.symbols_E, np.int64)


def ranges(starts_N: Ints, counts_N: Ints) -> NDArray[np.int64]:
    """Return the numbers of each range, one range after another."""
    before_N = np.cumsum(counts_N) - counts_N
    result: NDArray[np.int64] = np.arange(counts_N.sum()) + np.repeat(starts_N - before_N, counts_N)
    return result
