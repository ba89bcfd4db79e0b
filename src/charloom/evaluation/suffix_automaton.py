"""All substrings of some texts as one automaton, compiled by Numba; documents are read through it.

Blumer et al., "The smallest automaton recognizing the subwords of a text" (1985). A state stands
for the substrings that end at the same places; they are suffixes of its longest. Its link leads to
the state of the longest suffix that ends at further places. A text of T symbols has at most 2 T
states and 3 T edges, and to read a document takes a time that grows with its length alone, whatever
repeats in it. The root is state 0, and the first t symbols of the text lead to state t.

Edges lie in one table with open addressing. What is 32 bits wide here would overflow at a billion
symbols, for which the automaton would take more than a hundred gigabytes.

Axes: T symbols, Q states, W slots of the table of edges, D documents.
"""

from typing import Any, NamedTuple, Self

import numba
import numpy as np
from numpy.typing import NDArray

NOTHING = -1
"""No state, no slot, or a symbol that the text does not have."""
NEVER = np.int64(np.iinfo(np.int64).max)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: neighbouring numbers are spread over the table."""


class SuffixAutomaton(NamedTuple):
    """The states and edges, and what each state has seen of the documents."""

    longest_Q: NDArray[np.int32]
    """Symbols of the longest string of a state."""
    link_Q: NDArray[np.int32]
    edges_Q: NDArray[np.int32]
    """The slot of the edge that a state got last."""
    keys_W: NDArray[np.int64]
    """State times ``symbols`` plus symbol."""
    targets_W: NDArray[np.int32]
    others_W: NDArray[np.int32]
    """The slot of the edge that the same state got before."""
    length_Q: NDArray[np.int32]
    """Symbols of the longest string of a state that was seen in a document."""
    place_Q: NDArray[np.int64]
    """Where that string stood first: the place of its last symbol among those of all documents."""
    first_Q: NDArray[np.int64]
    """Where any of the strings of a state stood first, or NEVER."""
    symbols: int
    """Different symbols of the text."""

    @classmethod
    def allocate(cls, length: int, alphabet_size: int) -> Self:
        """Return an automaton without states, with room for those of ``length`` symbols."""
        Q, W = 2 * length + 1, 1 << (4 * length).bit_length()
        return cls(
            longest_Q=np.zeros(Q, np.int32),
            link_Q=np.full(Q, NOTHING, np.int32),
            edges_Q=np.full(Q, NOTHING, np.int32),
            keys_W=np.full(W, NOTHING, np.int64),
            targets_W=np.empty(W, np.int32),
            others_W=np.empty(W, np.int32),
            length_Q=np.zeros(Q, np.int32),
            place_Q=np.full(Q, NEVER),
            first_Q=np.full(Q, NEVER),
            symbols=alphabet_size,
        )


def build_automaton(symbols_T: NDArray[np.int32], alphabet_size: int) -> SuffixAutomaton:
    """Return the automaton of a text, whose symbols are numbers below ``symbols``."""
    automaton = SuffixAutomaton.allocate(len(symbols_T), alphabet_size)
    _extend(automaton, symbols_T)
    return automaton


def propagate_matches(automaton: SuffixAutomaton) -> None:
    """Let each state know what others saw of its strings; if none was seen, of their suffixes."""
    _propagate(automaton, np.argsort(automaton.longest_Q))


@numba.njit(inline="always")
def _find_slot(automaton, state, symbol):
    """Return the slot of an edge, or the free one where it belongs."""
    key = np.int64(state) * automaton.symbols + symbol
    keys_W = automaton.keys_W
    last = np.uint64(len(keys_W) - 1)
    slot = (np.uint64(key) * _GOLDEN >> np.uint64(20)) & last
    while keys_W[slot] != NOTHING and keys_W[slot] != key:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


@numba.njit(inline="always")
def _add_edge(automaton, slot, state, symbol, target):
    automaton.keys_W[slot] = np.int64(state) * automaton.symbols + symbol
    automaton.targets_W[slot] = target
    automaton.others_W[slot] = automaton.edges_Q[state]
    automaton.edges_Q[state] = slot


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _extend(automaton: Any, symbols_T: Any) -> None:
    """Take in the symbols, one after another."""
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    keys_W, targets_W = automaton.keys_W, automaton.targets_W
    states = len(symbols_T) + 1
    for place in range(len(symbols_T)):
        symbol, state, new = symbols_T[place], place, place + 1
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
            _clone_state(automaton, target, states)
            longest_Q[states] = longest_Q[state] + 1
            while state != NOTHING:
                slot = _find_slot(automaton, state, symbol)
                if targets_W[slot] != target:
                    break
                targets_W[slot] = states
                state = link_Q[state]
            target = states
            states += 1
        link_Q[new] = target


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _clone_state(automaton: Any, state: Any, copy: Any) -> None:
    """Give ``copy`` the edges and the link of ``state``, and link ``state`` to it."""
    slot = automaton.edges_Q[state]
    while slot != NOTHING:
        symbol = automaton.keys_W[slot] - np.int64(state) * automaton.symbols
        free = _find_slot(automaton, copy, symbol)
        _add_edge(automaton, free, copy, symbol, automaton.targets_W[slot])
        slot = automaton.others_W[slot]
    automaton.link_Q[copy] = automaton.link_Q[state]
    automaton.link_Q[state] = copy


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scan(automaton: Any, symbols_T: Any, stops_D: Any, before: Any) -> None:
    """Read some documents, one after another in ``symbols_T``; ``before`` symbols came earlier."""
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    keys_W, targets_W = automaton.keys_W, automaton.targets_W
    length_Q, place_Q, first_Q = automaton.length_Q, automaton.place_Q, automaton.first_Q
    start = 0
    for stop in stops_D:
        state, length = 0, 0
        for place in range(start, stop):
            symbol = symbols_T[place]
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
            first_Q[state] = min(first_Q[state], before + place)
            if length > length_Q[state]:
                length_Q[state] = length
                place_Q[state] = before + place
        start = stop


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _propagate(automaton: Any, order_Q: Any) -> None:
    """See ``settle``; ``order_Q`` are the states by their longest strings, the shortest first."""
    longest_Q, link_Q = automaton.longest_Q, automaton.link_Q
    length_Q, place_Q, first_Q = automaton.length_Q, automaton.place_Q, automaton.first_Q
    for state in order_Q[::-1]:
        link = link_Q[state]
        if link == NOTHING or first_Q[state] == NEVER:
            continue
        # Whatever was seen of this state ends with the longest string of its link.
        if length_Q[link] < longest_Q[link]:
            length_Q[link] = longest_Q[link]
            place_Q[link] = first_Q[state]
        place_Q[link] = min(place_Q[link], first_Q[state])
        first_Q[link] = min(first_Q[link], first_Q[state])
    for state in order_Q:
        link = link_Q[state]
        if link != NOTHING and first_Q[state] == NEVER:
            length_Q[state] = length_Q[link]
            place_Q[state] = place_Q[link]
