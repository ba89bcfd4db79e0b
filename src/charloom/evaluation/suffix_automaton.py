"""Suffix automaton of a text, which finds substrings of the text in documents.

Compiled by Numba. Source: Blumer et al., "The smallest automaton recognizing the subwords of a
text" (Theoretical Computer Science 40, 1985). A state is a set of substrings that end at the same
positions; all are suffixes of the longest one. Its link is the state of the longest suffix that
also ends at further positions. The root is state 0, and the first t symbols of the text lead to
state t. A text of T symbols has at most 2 T states and 3 T edges. A document is scanned in time
linear in its length.

Edges are in a hash table with open addressing. The 32-bit numbers would overflow at a billion
symbols, for which the automaton would need more than 100 GB.

Axes: T symbols, Q states, W slots of the table of edges, D documents.
"""

from typing import Any, NamedTuple, Self

import numba
import numpy as np
from numpy.typing import NDArray

from charloom.jit.decorator import compiled

NOTHING = -1
"""No state, an empty slot, or a symbol that is not in the text."""
NEVER = np.int64(np.iinfo(np.int64).max)
"""Position of a string that no document contains."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio (Fibonacci hashing): spreads consecutive keys."""


class SuffixAutomaton(NamedTuple):
    """States and edges, and the matches of each state in the documents scanned so far.

    The strings of a state below are its substrings of the text. Positions count the symbols of all
    documents.
    """

    longest_Q: NDArray[np.int32]
    """Symbols of the longest string of the state."""
    link_Q: NDArray[np.int32]
    last_slot_Q: NDArray[np.int32]
    """Slot of the edge added last to the state."""
    keys_W: NDArray[np.int64]
    """State of the edge times ``alphabet_size``, plus its symbol."""
    targets_W: NDArray[np.int32]
    previous_slot_W: NDArray[np.int32]
    """Slot of the edge added to the same state before this one."""
    match_length_Q: NDArray[np.int32]
    """Symbols of the longest string of the state that a document contains."""
    match_end_Q: NDArray[np.int64]
    """Position of the last symbol of that string's first occurrence."""
    first_end_Q: NDArray[np.int64]
    """Position of the last symbol of the first occurrence of any string of the state, or NEVER."""
    alphabet_size: int
    """Different symbols of the text."""

    @classmethod
    def allocate(cls, length: int, alphabet_size: int) -> Self:
        """Return an automaton of the empty text with memory for ``length`` symbols."""
        Q, W = 2 * length + 1, 1 << (4 * length).bit_length()
        return cls(
            longest_Q=np.zeros(Q, np.int32),
            link_Q=np.full(Q, NOTHING, np.int32),
            last_slot_Q=np.full(Q, NOTHING, np.int32),
            keys_W=np.full(W, NOTHING, np.int64),
            targets_W=np.empty(W, np.int32),
            previous_slot_W=np.empty(W, np.int32),
            match_length_Q=np.zeros(Q, np.int32),
            match_end_Q=np.full(Q, NEVER),
            first_end_Q=np.full(Q, NEVER),
            alphabet_size=alphabet_size,
        )


def build_automaton(symbols_T: NDArray[np.int32], alphabet_size: int) -> SuffixAutomaton:
    """Build the automaton of a text of symbols below ``alphabet_size``."""
    automaton = SuffixAutomaton.allocate(len(symbols_T), alphabet_size)
    _extend(automaton, symbols_T)
    return automaton


def propagate_matches(automaton: SuffixAutomaton) -> None:
    """Complete the matches of all states after the last scan.

    A scan records a match at one state only. Its suffixes are strings of the states along the
    links, so matches move to shorter strings. A state without a match gets the match of its link.
    """
    _propagate(automaton, np.argsort(automaton.longest_Q))


@numba.njit(inline="always")
def _find_slot(automaton, state, symbol):
    """Return the slot of an edge, or the empty slot for a new one."""
    key = np.int64(state) * automaton.alphabet_size + symbol
    keys_W = automaton.keys_W
    mask = np.uint64(len(keys_W) - 1)
    slot = (np.uint64(key) * _GOLDEN >> np.uint64(20)) & mask
    while keys_W[slot] != NOTHING and keys_W[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@numba.njit(inline="always")
def _add_edge(automaton, slot, state, symbol, target):
    automaton.keys_W[slot] = np.int64(state) * automaton.alphabet_size + symbol
    automaton.targets_W[slot] = target
    automaton.previous_slot_W[slot] = automaton.last_slot_Q[state]
    automaton.last_slot_Q[state] = slot


@compiled()
def _extend(automaton: Any, symbols_T: Any) -> None:
    """Append the symbols of the text one by one."""
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    keys_W, targets_W = automaton.keys_W, automaton.targets_W
    states = len(symbols_T) + 1
    for t in range(len(symbols_T)):
        symbol, state, new = symbols_T[t], t, t + 1
        longest_Q[new] = new
        slot = _find_slot(automaton, state, symbol)
        while keys_W[slot] == NOTHING:
            _add_edge(automaton, slot, state, symbol, new)
            state = link_Q[state]
            if state == NOTHING:
                break
            slot = _find_slot(automaton, state, symbol)
        if state == NOTHING:
            link_Q[new] = 0
            continue
        target = targets_W[slot]
        if longest_Q[target] != longest_Q[state] + 1:
            clone = states
            states += 1
            _clone_state(automaton, target, clone)
            longest_Q[clone] = longest_Q[state] + 1
            while state != NOTHING:
                slot = _find_slot(automaton, state, symbol)
                if targets_W[slot] != target:
                    break
                targets_W[slot] = clone
                state = link_Q[state]
            target = clone
        link_Q[new] = target


@compiled()
def _clone_state(automaton: Any, state: Any, clone: Any) -> None:
    """Copy the edges and the link of ``state`` to ``clone``, and link ``state`` to it."""
    slot = automaton.last_slot_Q[state]
    while slot != NOTHING:
        symbol = automaton.keys_W[slot] - np.int64(state) * automaton.alphabet_size
        empty_slot = _find_slot(automaton, clone, symbol)
        _add_edge(automaton, empty_slot, clone, symbol, automaton.targets_W[slot])
        slot = automaton.previous_slot_W[slot]
    automaton.link_Q[clone] = automaton.link_Q[state]
    automaton.link_Q[state] = clone


@compiled()
def scan(automaton: Any, symbols_T: Any, stops_D: Any, offset: Any) -> None:
    """Record the matches of some documents.

    ``symbols_T`` are their symbols, ``stops_D`` the index after each document, and ``offset`` the
    number of symbols of all documents scanned before.
    """
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    keys_W, targets_W = automaton.keys_W, automaton.targets_W
    match_length_Q, match_end_Q = automaton.match_length_Q, automaton.match_end_Q
    first_end_Q = automaton.first_end_Q
    start = 0
    for stop in stops_D:
        state, length = 0, 0
        for t in range(start, stop):
            symbol = symbols_T[t]
            if symbol == NOTHING:
                state, length = 0, 0
                continue
            slot = _find_slot(automaton, state, symbol)
            while keys_W[slot] == NOTHING and state:
                state = link_Q[state]
                length = longest_Q[state]
                slot = _find_slot(automaton, state, symbol)
            # The root has an edge for every symbol of the text.
            state = targets_W[slot]
            length += 1
            first_end_Q[state] = min(first_end_Q[state], offset + t)
            if length > match_length_Q[state]:
                match_length_Q[state] = length
                match_end_Q[state] = offset + t
        start = stop


@compiled()
def _propagate(automaton: Any, order_Q: Any) -> None:
    """See ``propagate_matches``. ``order_Q`` are the states, the shortest first."""
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    match_length_Q, match_end_Q = automaton.match_length_Q, automaton.match_end_Q
    first_end_Q = automaton.first_end_Q
    for state in order_Q[::-1]:
        link = link_Q[state]
        if link == NOTHING or first_end_Q[state] == NEVER:
            continue
        # Every string of this state ends with the longest string of its link.
        if match_length_Q[link] < longest_Q[link]:
            match_length_Q[link] = longest_Q[link]
            match_end_Q[link] = first_end_Q[state]
        match_end_Q[link] = min(match_end_Q[link], first_end_Q[state])
        first_end_Q[link] = min(first_end_Q[link], first_end_Q[state])
    for state in order_Q:
        link = link_Q[state]
        if link != NOTHING and first_end_Q[state] == NEVER:
            match_length_Q[state] = match_length_Q[link]
            match_end_Q[state] = match_end_Q[link]
