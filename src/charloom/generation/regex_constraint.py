"""Regular expressions as masks over symbols, so that whole texts match.

An expression becomes an automaton over bytes (byte_automaton.py). Following its states along the
bytes of each symbol (symbol_spellings.py) makes it an automaton over the symbols of a vocabulary.

Axes: B sequences, V symbols, Q states of the symbol automaton, J symbols that the minimum length
still requires, F states of forbidden strings, R states of the byte automaton, E pairs of a state
and a successor.
"""

import dataclasses
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.byte_automaton import ByteAutomaton, quote, too_large_error
from charloom.generation.sparse_automaton import SparseAutomaton
from charloom.generation.symbol_spellings import MAX_CHUNK, ByteTable, SymbolSpellings
from charloom.text.symbols import replace_surrogates
from charloom.text.vocabulary import EOS, Vocabulary

UNREACHABLE = np.iinfo(np.int32).max
"""Distance to a match where there is none."""
MAX_TABLE_ENTRIES = 2**26
"""Entries, of 4 bytes, that a table of a symbol automaton may have."""
MAX_BYTE_STATES = 100_000
"""States of the byte automaton that may be visited."""

Mask = NDArray[np.bool_]
States = NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SymbolAutomaton:
    """A deterministic automaton over the symbols of a vocabulary.

    State 0 is the one after the prompt. With ``forbidden``, a state is a pair: a state of
    ``next_QV``, times F, plus one of the F states of ``forbidden``.
    """

    next_QV: States
    """The state after each symbol, -1 where no match can follow; -1 for the boundary and
    ``<unk>``."""
    distance_JQ: NDArray[np.int32]
    """The fewest symbols, but at least J, from a state to a whole match, or UNREACHABLE. J runs
    from 0 to the minimum length. With ``forbidden``, Q counts pairs, and J may end sooner: the
    distances of each further row are 1 more."""
    forbidden: SparseAutomaton | None = None
    """The strings that no text may hold."""

    def next_rows(self, states_B: NDArray[np.int64]) -> States:
        """Return the state after each symbol, (B, V)."""
        if self.forbidden is None:
            return self.next_QV[states_B]
        match_B, forbidden_B = np.divmod(states_B, len(self.forbidden))
        return self._pairs(self.next_QV[match_B], self.forbidden.rows(forbidden_B))

    def next_states(self, states_B: NDArray[np.int64], ids_B: NDArray[np.int64]) -> States:
        """Return the state after one symbol, (B,)."""
        if self.forbidden is None:
            return self.next_QV[states_B, ids_B]
        match_B, forbidden_B = np.divmod(states_B, len(self.forbidden))
        after_B = self.forbidden.next_states(forbidden_B, ids_B)
        return self._pairs(self.next_QV[match_B, ids_B], after_B)

    def _pairs(self, match: States, forbidden: States) -> States:
        assert self.forbidden is not None
        possible = (match >= 0) & (forbidden >= 0)
        return np.where(possible, match * np.int32(len(self.forbidden)) + forbidden, np.int32(-1))

    def can_end(self, states: Any, missing: int, left: int) -> Any:
        """Return which states a text can end from, by ``missing`` to ``left`` symbols."""
        row = min(max(missing, 0), len(self.distance_JQ) - 1)
        beyond = max(missing, 0) - row
        return self.distance_JQ[row][states] <= min(left, UNREACHABLE - 1) - beyond

    def allowed_mask(
        self, states_B: NDArray[np.int64], *, position: int, min_length: int, max_length: int
    ) -> Mask:
        """Return which symbols, (B, V), may follow after ``position`` symbols.

        ``automaton_kernels`` has the compiled counterpart.
        """
        missing, left = min_length - position, max_length - position
        next_BV = self.next_rows(states_B)
        allowed_BV: Mask = (next_BV >= 0) & self.can_end(next_BV, missing - 1, left - 1)
        allowed_BV[:, EOS] = self.can_end(states_B, missing, 0)
        return allowed_BV


class RegexConstraint:
    """A regular expression for the symbols of a vocabulary."""

    def __init__(
        self,
        pattern: str,
        vocabulary: Vocabulary,
        *,
        max_byte_states: int = MAX_BYTE_STATES,
        max_table_entries: int = MAX_TABLE_ENTRIES,
    ) -> None:
        """Raise SettingsError for a pattern that is not valid or too large."""
        self._vocabulary = vocabulary
        self._bytes = ByteAutomaton(pattern)
        self._spellings = SymbolSpellings(vocabulary)
        self._max_byte_states = max_byte_states
        self._max_table_entries = max_table_entries

    def build_automaton(
        self, prompt: str, *, allowed_V: Mask, min_length: int, max_length: int
    ) -> SymbolAutomaton:
        """Return the automaton of the matches that begin with ``prompt``.

        Only symbols of ``allowed_V`` follow the prompt. Raises SettingsError if no text of
        ``min_length`` to ``max_length`` symbols after the prompt matches, and if there are too many
        states.
        """
        start = self._bytes.walk(self._bytes.start, replace_surrogates(prompt).encode())
        if start is None:
            self._refuse_prompt(prompt)
        next_QV, distance_JQ = self._build_tables(start, allowed_V, min_length, max_length)
        if distance_JQ[min_length, 0] > min(max_length, UNREACHABLE - 1):
            self._refuse_lengths(prompt, start, allowed_V, min_length, max_length)
        live = np.flatnonzero(distance_JQ[0] < UNREACHABLE)
        # The last entry is for -1, no state.
        renumbered_Q = np.full(len(next_QV) + 1, -1, np.int32)
        renumbered_Q[live] = np.arange(len(live))
        return SymbolAutomaton(
            next_QV=renumbered_Q[next_QV[live]],
            distance_JQ=np.ascontiguousarray(distance_JQ[:, live]),
        )

    def _build_tables(
        self, start: int, allowed_V: Mask, min_length: int, max_length: int
    ) -> tuple[States, NDArray[np.int32]]:
        """Return both tables, of the states within ``max_length`` symbols of ``start``."""
        next_QV, match_Q = self._explore(start, allowed_V, max_length)
        if (min_length + 1) * len(next_QV) > self._max_table_entries:
            raise SettingsError(
                f"min-length {min_length} is too large for the expression to match, "
                f"{quote(self._bytes.pattern)}, which has {len(next_QV)} states; lower it."
            )
        return next_QV, _match_distances(next_QV, match_Q, min_length)

    def _explore(self, start: int, allowed_V: Mask, max_length: int) -> tuple[States, Mask]:
        """Search breadth-first from a state of the byte automaton.

        Return the successors, (Q, V), of each state within reach, and which states are matches.
        """
        table = ByteTable(self._bytes, self._max_byte_states)
        layer = np.array([table.row(start)])
        state_of_R = np.full(self._max_byte_states + 1, -1, np.int32)
        state_of_R[layer] = 0
        layers, total = [layer], 1
        successors: list[States] = []
        while len(layer) and len(successors) < max_length:
            if total * len(self._vocabulary) > self._max_table_entries:
                raise too_large_error(self._bytes.pattern)
            rows_FV = self._spellings.advance(layer, table, allowed_V)
            reached_R = np.zeros(len(table.states), np.bool_)
            reached_R[rows_FV] = True
            reached_R[0] = False
            layer = np.flatnonzero(reached_R & (state_of_R[: len(reached_R)] < 0))
            state_of_R[layer] = np.arange(total, total + len(layer))
            successors.append(state_of_R[rows_FV])
            layers.append(layer)
            total += len(layer)
        # No symbol may follow the last layer.
        successors.append(np.full((len(layer), len(self._vocabulary)), -1, np.int32))
        rows_Q = np.concatenate(layers).tolist()
        match_Q = [self._bytes.is_match(table.states[row]) for row in rows_Q]
        return np.concatenate(successors), np.array(match_Q)

    def _refuse_lengths(
        self, prompt: str, start: int, allowed_V: Mask, min_length: int, max_length: int
    ) -> NoReturn:
        """Raise the error that explains why no text of the given lengths matches."""
        example = self._bytes.shortest_completion(start, self._spellings.bytes)
        if example is None:
            self._refuse_prompt(prompt)
        pattern = quote(self._bytes.pattern)
        distance_J = self._build_tables(start, allowed_V, min_length, UNREACHABLE)[1][:, 0]
        if distance_J[0] == UNREACHABLE:
            self._refuse_symbols(example.decode(), start)
        if distance_J[min_length] == UNREACHABLE:
            longest = int(np.flatnonzero(distance_J < UNREACHABLE)[-1])
            raise SettingsError(
                f"min-length is {min_length}, but a match of {pattern} has at most {longest} "
                "symbols after the prompt; lower it, or let the expression repeat more."
            )
        counted = f" with min-length {min_length}" if distance_J[min_length] > distance_J[0] else ""
        raise SettingsError(
            f"length is {max_length}, but{counted} a match of {pattern} needs at least "
            f"{distance_J[min_length]} symbols after the prompt; raise it."
        )

    def _refuse_prompt(self, prompt: str) -> NoReturn:
        pattern = quote(self._bytes.pattern)
        if self._bytes.shortest_completion(self._bytes.start) is None:
            raise SettingsError(
                f"no text at all matches the expression {pattern}; give one that some text matches."
            )
        raise SettingsError(
            f"no match of {pattern} begins with the prompt, {quote(prompt)}; the whole text must "
            "match, prompt included: change one of them."
        )

    def _refuse_symbols(self, example: str, start: int) -> NoReturn:
        """Raise the error for matches, such as ``example``, that need other symbols."""
        pattern = quote(self._bytes.pattern)
        every_V = np.ones(len(self._vocabulary), np.bool_)
        if self._explore(start, every_V, UNREACHABLE)[1].any():
            raise SettingsError(
                f"every match of {pattern} needs a symbol that a bias of -inf forbids; allow it."
            )
        closed = self._vocabulary.level == "closed-word"
        words = "; only words of its training text can be written" if closed else ""
        missing = self._vocabulary.unknown_symbols(example)[0]
        raise SettingsError(
            f"no match of {pattern} can be written with the symbols of this model: "
            f"{quote(example)}, say, needs {quote(missing)}{words}; "
            "let the expression match others."
        )


def _match_distances(next_QV: States, match_Q: Mask, min_length: int) -> NDArray[np.int32]:
    """Return ``distance_JQ`` of an automaton; the states ``match_Q`` are matches."""
    successors_E, first_Q = _distinct_successors(next_QV)

    def one_symbol_before(distance_Q: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return 1 plus the distance of the best successor of each state."""
        # The last entry is for -1, no state.
        distance_E = np.append(distance_Q, np.int32(UNREACHABLE))[successors_E]
        best_Q = np.minimum.reduceat(distance_E, first_Q)
        return np.asarray(np.minimum(best_Q, UNREACHABLE - 1) + 1, np.int32)

    distance_Q, previous_Q = np.where(match_Q, 0, UNREACHABLE).astype(np.int32), None
    while previous_Q is None or (distance_Q != previous_Q).any():
        before_Q = one_symbol_before(distance_Q)
        distance_Q, previous_Q = np.where(match_Q, np.int32(0), before_Q), distance_Q
    distance_JQ = np.empty((min_length + 1, len(distance_Q)), np.int32)
    distance_JQ[0] = distance_Q
    for required in range(min_length):
        distance_JQ[required + 1] = one_symbol_before(distance_JQ[required])
    return distance_JQ


def _distinct_successors(next_QV: States) -> tuple[States, NDArray[np.int64]]:
    """Return the distinct successors of all states, (E,), state by state.

    Also return the first index of each state, (Q,). Every state has the successor -1, no state,
    since the boundary leads there.
    """
    parts, counts = [], []
    step = max(MAX_CHUNK // next_QV.shape[1], 1)
    for first in range(0, len(next_QV), step):
        sorted_QV = np.sort(next_QV[first : first + step], axis=1)
        distinct_QV = np.ones(sorted_QV.shape, np.bool_)
        distinct_QV[:, 1:] = sorted_QV[:, 1:] != sorted_QV[:, :-1]
        parts.append(sorted_QV[distinct_QV])
        counts.append(np.count_nonzero(distinct_QV, axis=1))
    first_Q = np.concatenate([[0], np.cumsum(np.concatenate(counts))[:-1]])
    return np.concatenate(parts), first_Q
