"""Regular expressions as masks over symbols: every text that is drawn matches as a whole.

The automaton of an expression is one over bytes (patterns.py); its states are followed along the
bytes of each symbol, as far as the symbols lead. Axes: V symbols, Q states of the automaton, J
symbols that must still come at least, B streams, R states over bytes, of which 0 is that of no
match, F of them that are followed, K symbols that are longer than some number of bytes, E pairs of
a state and one that comes after it.
"""

import dataclasses
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.byte_automaton import ByteAutomaton, quote, too_large_error
from charloom.text.symbols import code_of, replace_surrogates
from charloom.text.vocabulary import EOS, Vocabulary

UNREACHABLE = np.iinfo(np.int32).max
"""Further symbols to a match where there is none."""
MAX_TABLE_ENTRIES = 2**26
"""The most entries, of 4 bytes, that a table of an automaton may have."""
MAX_BYTE_STATES = 100_000
"""The most states over bytes that are looked at."""
MAX_CHUNK = 2**20
"""Pairs of a state and a symbol that are followed at a time, which bounds memory."""

States = NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SymbolAutomaton:
    """A deterministic automaton over the symbols of a vocabulary."""

    next_QV: States
    """The state after each symbol, -1 where no match can come of it; the columns of the boundary
    and of ``<unk>`` are -1."""
    distance_JQ: NDArray[np.int32]
    """The fewest symbols, at least J of them, that lead from a state to a whole match; NEVER if
    none do. J goes from 0 to the minimum length."""

    def allowed_mask(
        self, states_B: NDArray[np.int64], *, drawn: int, minimum: int, length: int
    ) -> NDArray[np.bool_]:
        """Return which symbols, (B, V), may come after ``drawn`` ones."""
        next_BV = self.next_QV[states_B]
        need_BV = self.distance_JQ[max(minimum - drawn - 1, 0)][next_BV]
        allowed_BV: NDArray[np.bool_] = (next_BV >= 0) & (need_BV <= length - drawn - 1)
        allowed_BV[:, EOS] = self.distance_JQ[max(minimum - drawn, 0)][states_B] == 0
        return allowed_BV


class RegexConstraint:
    """A regular expression, made ready for the symbols of a vocabulary."""

    def __init__(self, pattern: str, vocabulary: Vocabulary) -> None:
        """Raises SettingsError for a pattern that is no regular expression or too large."""
        self._vocabulary = vocabulary
        self._bytes = ByteAutomaton(pattern)
        self._spellings = _Spellings(vocabulary)

    def build_automaton(
        self, prompt: str, *, allowed_V: NDArray[np.bool_], minimum: int, length: int
    ) -> tuple[SymbolAutomaton, int]:
        """Return the automaton and its state after ``prompt``.

        Paths lead over symbols of ``allowed_V`` only. Raises SettingsError if no text of
        ``minimum`` to ``length`` symbols after the prompt matches, or if there are too many states.
        """
        state = self._bytes.walk(self._bytes.start, replace_surrogates(prompt).encode())
        if state is None:
            self._refuse_prompt(prompt)
        table_QV, need_JQ = self._tables(state, allowed_V, minimum, length)
        if need_JQ[minimum, 0] > min(length, UNREACHABLE - 1):
            self._refuse(prompt, state, allowed_V, minimum, length)
        live = np.flatnonzero(need_JQ[0] < UNREACHABLE)
        # The last entry stands for -1, no state.
        numbers_Q = np.full(len(table_QV) + 1, -1, np.int32)
        numbers_Q[live] = np.arange(len(live))
        need_JQ = np.ascontiguousarray(need_JQ[:, live])
        return SymbolAutomaton(next_QV=numbers_Q[table_QV[live]], distance_JQ=need_JQ), 0

    def _tables(
        self, state: int, allowed_V: NDArray[np.bool_], minimum: int, length: int
    ) -> tuple[States, NDArray[np.int32]]:
        """Return both tables for what ``length`` symbols lead to; state 0 is the one given."""
        table_QV, whole_Q = self._explore(state, allowed_V, length)
        if (minimum + 1) * len(table_QV) > MAX_TABLE_ENTRIES:
            raise SettingsError(
                f"min-length {minimum} is too large for the expression to match, "
                f"{quote(self._bytes.pattern)}, which has {len(table_QV)} states; lower it."
            )
        return table_QV, _needs(table_QV, whole_Q, minimum)

    def _explore(
        self, state: int, allowed_V: NDArray[np.bool_], length: int
    ) -> tuple[States, NDArray[np.bool_]]:
        """Return the states within ``length`` symbols, the nearest first, and which are matches."""
        rows = _Rows(self._bytes)
        layer = np.array([rows.row(state)])
        numbers_R = np.full(MAX_BYTE_STATES + 1, -1, np.int32)
        numbers_R[layer] = 0
        layers, total = [layer], 1
        tables: list[States] = []
        while len(layer) and len(tables) < length:
            if total * len(self._vocabulary) > MAX_TABLE_ENTRIES:
                raise too_large_error(self._bytes.pattern)
            rows_FV = self._spellings.follow(layer, rows, allowed_V)
            found_R = np.zeros(len(rows.states), np.bool_)
            found_R[rows_FV] = True
            found_R[0] = False
            layer = np.flatnonzero(found_R & (numbers_R[: len(found_R)] < 0))
            numbers_R[layer] = np.arange(total, total + len(layer))
            tables.append(numbers_R[rows_FV])
            layers.append(layer)
            total += len(layer)
        # No symbols are left to lead on from the last ones.
        tables.append(np.full((len(layer), len(self._vocabulary)), -1, np.int32))
        whole = [self._bytes.is_match(rows.states[row]) for row in np.concatenate(layers).tolist()]
        return np.concatenate(tables), np.array(whole)

    def _refuse(
        self,
        prompt: str,
        state: int,
        allowed_V: NDArray[np.bool_],
        minimum: int,
        length: int,
    ) -> NoReturn:
        """Raise the error that says why nothing of ``minimum`` to ``length`` symbols matches."""
        example = self._bytes.shortest_completion(state, self._spellings.bytes)
        if example is None:
            self._refuse_prompt(prompt)
        pattern = quote(self._bytes.pattern)
        need_J = self._tables(state, allowed_V, minimum, UNREACHABLE)[1][:, 0]
        if need_J[0] == UNREACHABLE:
            self._refuse_symbols(example.decode(), state)
        if need_J[minimum] == UNREACHABLE:
            most = int(np.flatnonzero(need_J < UNREACHABLE)[-1])
            raise SettingsError(
                f"min-length is {minimum}, but a match of {pattern} has at most {most} symbols "
                "after the prompt; lower it, or let the expression repeat more."
            )
        counted = f" with min-length {minimum}" if need_J[minimum] > need_J[0] else ""
        raise SettingsError(
            f"length is {length}, but{counted} a match of {pattern} needs at least "
            f"{need_J[minimum]} symbols after the prompt; raise it."
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

    def _refuse_symbols(self, example: str, state: int) -> NoReturn:
        """Raise the error of an expression whose matches, as ``example``, cannot be written."""
        pattern = quote(self._bytes.pattern)
        every_V = np.ones(len(self._vocabulary), np.bool_)
        if self._explore(state, every_V, UNREACHABLE)[1].any():
            raise SettingsError(
                f"every match of {pattern} needs a symbol that a bias of -inf forbids; allow it."
            )
        level = self._vocabulary.level
        learned = "; only words of its training text can be written" if level == "word" else ""
        raise SettingsError(
            f"no match of {pattern} can be written with the symbols of this model: "
            f"{quote(example)}, say, needs {quote(self._vocabulary.unknown_symbols(example)[0])}{learned}; "
            "let the expression match others."
        )


class _Spellings:
    """The bytes of the symbols of a vocabulary, to be followed side by side."""

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
        # The longest symbols come first, so those that have a byte at a place are the first K.
        columns = [
            [spelled[index][place] for index in ids if len(spelled[index]) > place]
            for place in range(longest)
        ]
        self._columns = [np.array(column, np.int64) for column in columns]

    def follow(
        self, rows_F: NDArray[np.int64], rows: "_Rows", allowed_V: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Return the row after each symbol, (F, V); 0 after those that are not allowed."""
        result_FV = np.zeros((len(rows_F), self._size), np.int32)
        step = max(MAX_CHUNK // self._size, 1)
        for first in range(0, len(rows_F), step):
            some = slice(first, first + step)
            here_FV = np.repeat(rows_F[some, None], len(self._ids), axis=1)
            for bytes_K in self._columns:
                here_FK = here_FV[:, : len(bytes_K)]
                here_FK[:] = rows.after(here_FK, bytes_K)
            result_FV[some, self._ids] = here_FV
        result_FV[:, ~allowed_V] = 0
        return result_FV


class _Rows:
    """The states over bytes as rows of a table, each of which is made when it is first needed."""

    def __init__(self, automaton: ByteAutomaton) -> None:
        self._automaton = automaton
        self._numbers: dict[int, int] = {}
        self.states = [-1]
        """The state of each row; row 0 is that of no match."""
        self._table_RB = np.zeros((16, 256), np.int32)
        self._made_R = np.zeros(16, np.bool_)
        self._made_R[0] = True

    def row(self, state: int) -> int:
        """Return the row of a state; raises SettingsError if there are too many."""
        row = self._numbers.setdefault(state, len(self.states))
        if row == len(self.states):
            if row > MAX_BYTE_STATES:
                raise too_large_error(self._automaton.pattern)
            self.states.append(state)
        return row

    def after(self, rows_FK: NDArray[Any], bytes_K: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the rows after one more byte."""
        asked_R = np.zeros(len(self._made_R), np.bool_)
        asked_R[rows_FK] = True
        for row in np.flatnonzero(asked_R & ~self._made_R).tolist():
            for byte, state in self._automaton.transitions(self.states[row]):
                self._table_RB[row, byte] = self.row(state)
            self._made_R[row] = True
        result_FK: NDArray[np.int32] = self._table_RB[rows_FK, bytes_K]
        while len(self._made_R) < len(self.states):
            self._table_RB = np.concatenate([self._table_RB, np.zeros_like(self._table_RB)])
            self._made_R = np.concatenate([self._made_R, np.zeros_like(self._made_R)])
        return result_FK


def _needs(table_QV: States, whole_Q: NDArray[np.bool_], minimum: int) -> NDArray[np.int32]:
    """Return ``need_JQ`` of an automaton whose matches are ``whole_Q``."""
    successors_E, first_Q = _successors(table_QV)

    def before(need_Q: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return how many symbols are needed one symbol earlier, at the best successor's."""
        # The last entry stands for -1, no state.
        least_Q = np.minimum.reduceat(
            np.append(need_Q, np.int32(UNREACHABLE))[successors_E], first_Q
        )
        return np.asarray(np.minimum(least_Q, UNREACHABLE - 1) + 1, np.int32)

    need_Q, last_Q = np.where(whole_Q, 0, UNREACHABLE).astype(np.int32), None
    while last_Q is None or (need_Q != last_Q).any():
        need_Q, last_Q = np.where(whole_Q, np.int32(0), before(need_Q)), need_Q
    need_JQ = np.empty((minimum + 1, len(need_Q)), np.int32)
    need_JQ[0] = need_Q
    for least in range(minimum):
        need_JQ[least + 1] = before(need_JQ[least])
    return need_JQ


def _successors(table_QV: States) -> tuple[States, NDArray[np.int64]]:
    """Return the different successors of each state, (E,), and where those of each begin, (Q,).

    Every state has -1, no state, among them, since the boundary leads there.
    """
    parts, counts = [], []
    step = max(MAX_CHUNK // table_QV.shape[1], 1)
    for first in range(0, len(table_QV), step):
        sorted_QV = np.sort(table_QV[first : first + step], axis=1)
        new_QV = np.ones(sorted_QV.shape, np.bool_)
        new_QV[:, 1:] = sorted_QV[:, 1:] != sorted_QV[:, :-1]
        parts.append(sorted_QV[new_QV])
        counts.append(np.count_nonzero(new_QV, axis=1))
    first_Q = np.concatenate([[0], np.cumsum(np.concatenate(counts))[:-1]])
    return np.concatenate(parts), first_Q
