"""Forbidden strings as masks over symbols, so that no text holds one.

A state stands for a text without forbidden strings. It is a pair: a state of the match, if there is
one, and a state of the forbidden strings (sparse_automaton.py).

Axes: V symbols, M states of the match (one without a match), F states of the forbidden strings,
D default rows, E exceptions, J symbols still required.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.formatting import format_count
from charloom.generation.byte_automaton import quote
from charloom.generation.forbidden_bytes import ByteStates
from charloom.generation.forbidden_symbols import TooManyExceptionsError, build_sparse_automaton
from charloom.generation.forbidden_trie import COMPLETE, ForbiddenTrie, LetterSplitter
from charloom.generation.regex_constraint import (
    MAX_TABLE_ENTRIES,
    UNREACHABLE,
    Mask,
    States,
    SymbolAutomaton,
)
from charloom.generation.sparse_automaton import SparseAutomaton
from charloom.settings import SamplingSettings
from charloom.text.symbols import BYTES, replace_surrogates
from charloom.text.vocabulary import EOS, UNK, Vocabulary

Distances = NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lengths:
    """The symbols after a prompt."""

    allowed_V: Mask
    """The symbols that may be generated."""
    min: int
    max: int


class ForbiddenStrings:
    """Strings that no text holds, for the symbols of a vocabulary."""

    def __init__(
        self,
        strings: Sequence[str],
        vocabulary: Vocabulary,
        *,
        whole_words: bool = False,
        ignore_case: bool = False,
        max_table_entries: int = MAX_TABLE_ENTRIES,
    ) -> None:
        """Raise SettingsError for strings that need too large a table."""
        self._splitter = LetterSplitter(whole_words=whole_words, ignore_case=ignore_case)
        self._patterns = self._splitter.patterns(strings)
        self._count = len(strings)
        self._trie = ForbiddenTrie(self._patterns)
        self._vocabulary = vocabulary
        self._max_table_entries = max_table_entries
        self._without_prefix: list[int] | None = None
        try:
            self._automaton = self._build()
        except TooManyExceptionsError:
            self._refuse_size()
        self._last: tuple[tuple[bytes, int], Distances] | None = None

    def build_automaton(
        self, prompt: str, lengths: Lengths, match: SymbolAutomaton | None, pattern: str | None
    ) -> tuple[SymbolAutomaton, int]:
        """Return the automaton of texts that begin with ``prompt``, and its first state.

        With ``match``, the automaton of the expression ``pattern`` after this prompt, texts match
        too. Without, at least one symbol is generated. Raises SettingsError if the prompt holds a
        forbidden string, if no text of these lengths is left, and if there are too many states.
        """
        start = self._trie.walk(0, self._splitter.start)
        start = self._trie.walk(start, self._splitter.split(replace_surrogates(prompt)))
        if start == COMPLETE:
            self._refuse_prompt(prompt)
        if match is None:
            # A person may type symbols that are not generated.
            next_QV = np.zeros((1, len(self._vocabulary)), np.int32)
            distance_JQ = self._distances_of_any(lengths)
        else:
            next_QV = match.next_QV
            distance_JQ = self._distances(next_QV, match.distance_JQ[0] == 0, lengths.min)
        automaton = SymbolAutomaton(
            next_QV=next_QV, distance_JQ=distance_JQ, forbidden=self._automaton
        )
        required = max(lengths.min, 1) if match is None else lengths.min
        if not automaton.can_end(start, required, lengths.max):
            self._refuse_lengths(prompt, automaton, start, lengths, pattern)
        return automaton, start

    @property
    def states(self) -> int:
        """F, the number of states."""
        return len(self._automaton)

    def walk(self, state: int, text: str) -> int:
        """Return the state after text that begins with a new character; -1 for none."""
        node = state if self._without_prefix is None else self._without_prefix[state]
        if node == COMPLETE:
            return COMPLETE
        return self._trie.walk(node, self._splitter.split(replace_surrogates(text)))

    def _build(self) -> SparseAutomaton:
        limit, ids = self._max_table_entries, self._vocabulary.ids
        if self._vocabulary.level == "byte":
            states = ByteStates(self._trie, self._splitter, limit)
            self._without_prefix = states.without_prefix
            columns = np.array([ids.get(symbol, -1) for symbol in BYTES])
            return states.automaton.reorder(columns, len(self._vocabulary))
        letters: list[Sequence[int]] = [()] * len(self._vocabulary)
        for symbol, index in ids.items():
            letters[index] = self._splitter.split(symbol)
        return build_sparse_automaton(self._trie, letters, limit)

    def _distances_of_any(self, lengths: Lengths) -> Distances:
        """Return ``distance_JQ`` without a match; the last one is kept for other prompts."""
        next_MV = np.where(lengths.allowed_V, 0, -1).astype(np.int32)[None]
        next_MV[:, [EOS, UNK]] = -1
        key = next_MV.tobytes(), lengths.min
        last = self._last
        if last is None or last[0] != key:
            matches_M = np.ones(1, np.bool_)
            last = self._last = key, self._distances(next_MV, matches_M, max(lengths.min, 1))
        return last[1]

    def _distances(self, next_MV: States, match_M: Mask, min_length: int) -> Distances:
        if len(next_MV) * len(self._automaton) > self._max_table_entries:
            self._refuse_size()
        search = _DistanceSearch(self._automaton, next_MV, match_M)
        result = search.run(min_length, self._max_table_entries)
        if result is None:
            self._refuse_size(min_length)
        return result

    def _refuse_size(self, min_length: int = 0) -> NoReturn:
        needed = f", with min-length {min_length}," if min_length else ""
        raise SettingsError(
            f"{format_count(self._count, 'forbidden string')}{needed} would need more memory than "
            "a mask may take, together with a match if there is one; forbid fewer or shorter ones, "
            "or give a simpler match."
        )

    def _refuse_prompt(self, prompt: str) -> NoReturn:
        read: list[int] = []
        node = 0
        for letter in (*self._splitter.start, *self._splitter.split(replace_surrogates(prompt))):
            read.append(letter)
            node = self._trie.step(node, letter)
            if node == COMPLETE:
                break
        held = next(
            string
            for pattern, string in self._patterns.items()
            if tuple(read[-len(pattern) :]) == pattern
        )
        raise SettingsError(
            f"the prompt, {quote(prompt)}, holds the forbidden string {quote(held)}; change the "
            "prompt, or do not forbid it."
        )

    def _refuse_lengths(
        self,
        prompt: str,
        automaton: SymbolAutomaton,
        start: int,
        lengths: Lengths,
        pattern: str | None,
    ) -> NoReturn:
        """Raise the error for texts of which none is left."""
        strings = format_count(self._count, "forbidden string")
        after = f" after the prompt {quote(prompt)}" if prompt else ""
        if pattern is not None:
            raise SettingsError(
                f"match and forbid contradict each other: every match of {quote(pattern)}{after} "
                f"of {lengths.min} to {lengths.max} symbols holds a forbidden string; forbid less, "
                "or let the expression match others."
            )
        if lengths.min > 1 and automaton.can_end(start, 1, lengths.max):
            raise SettingsError(
                f"{strings} leave no text of at least {lengths.min} symbols{after}; forbid less, "
                "or lower min-length and length."
            )
        raise SettingsError(
            f"{strings} leave nothing to write{after}; forbid less, or other strings."
        )


class ForbiddenStringsCache:
    """Builds the forbidden strings of settings, and keeps the last ones."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._build = functools.lru_cache(maxsize=8)(self._build_strings)

    def __call__(self, settings: SamplingSettings) -> ForbiddenStrings:
        """Return the strings that the settings forbid; raises as ``ForbiddenStrings``."""
        return self._build(
            settings.forbid, settings.forbid_whole_words, settings.forbid_ignore_case
        )

    def _build_strings(
        self, strings: tuple[str, ...], whole_words: bool, ignore_case: bool
    ) -> ForbiddenStrings:
        return ForbiddenStrings(
            strings, self._vocabulary, whole_words=whole_words, ignore_case=ignore_case
        )


class _DistanceSearch:
    """The fewest symbols from each pair of states to the end of a text."""

    def __init__(self, forbidden: SparseAutomaton, next_MV: States, match_M: Mask) -> None:
        self._forbidden = forbidden
        self._next_MV = next_MV
        self._ends_MF = match_M[:, None] & forbidden.may_end_F
        self._filled_F = np.flatnonzero(np.diff(forbidden.offsets_F1))
        """The states with exceptions."""

    def run(self, min_length: int, max_entries: int) -> Distances | None:
        """Return ``SymbolAutomaton.distance_JQ``; None if it is larger than allowed.

        The last row is left to a formula once each row is 1 more than the one before.
        """
        rows_JMF = [self._shortest()]
        while len(rows_JMF) <= min_length:
            last_MF = rows_JMF[-1]
            if len(rows_JMF) > 1 and self._is_regular(rows_JMF[-2], last_MF):
                break
            if (len(rows_JMF) + 1) * last_MF.size > max_entries:
                return None
            rows_JMF.append(
                np.array([self._one_symbol_before(m, last_MF) for m in range(len(last_MF))])
            )
        return np.array(rows_JMF).reshape(len(rows_JMF), -1)

    @staticmethod
    def _is_regular(before_MF: Distances, last_MF: Distances) -> bool:
        reached_MF = before_MF < UNREACHABLE
        return bool(
            ((last_MF < UNREACHABLE) == reached_MF).all()
            and (last_MF[reached_MF] == before_MF[reached_MF] + 1).all()
        )

    def _shortest(self) -> Distances:
        """Return the fewest symbols to an end, (M, F), by repeated relaxation."""
        distance_MF = np.where(self._ends_MF, 0, UNREACHABLE).astype(np.int32)
        before_M = [np.unique(row[row >= 0]) for row in self._next_MV]
        changed_M = np.ones(len(before_M), np.bool_)
        while changed_M.any():
            stale = [m for m, after in enumerate(before_M) if changed_M[after].any()]
            changed_M = np.zeros(len(before_M), np.bool_)
            for m in stale:
                new_F = np.where(self._ends_MF[m], 0, self._one_symbol_before(m, distance_MF))
                changed_M[m] = (new_F != distance_MF[m]).any()
                distance_MF[m] = new_F
        return distance_MF

    def _one_symbol_before(self, m: int, distance_MF: Distances) -> Distances:
        """Return 1 plus the distance of the best successor of each pair with ``m``."""
        forbidden, next_V = self._forbidden, self._next_MV[m]
        best_F = np.full(len(forbidden), UNREACHABLE, np.int32)
        if len(self._filled_F):
            symbols_E = forbidden.symbols_E
            cost_E = _costs(distance_MF, next_V[symbols_E], forbidden.targets_E)
            first_F = forbidden.offsets_F1[self._filled_F]
            best_F[self._filled_F] = np.minimum.reduceat(cost_E, first_F)
        for base, default_V in enumerate(forbidden.default_DV):
            cost_V = _costs(distance_MF, next_V, default_V)
            waiting = np.flatnonzero(forbidden.base_F == base)
            # The best default counts for the states where it is no exception, then the next best.
            for symbol in np.argsort(cost_V, kind="stable").tolist():
                waiting = waiting[best_F[waiting] > cost_V[symbol]]
                if not len(waiting):
                    break
                excepted = forbidden.has_exception(waiting, symbol)
                best_F[waiting[~excepted]] = cost_V[symbol]
                waiting = waiting[excepted]
        return np.asarray(np.minimum(best_F, UNREACHABLE - 1) + 1, np.int32)


def _costs(
    distance_MF: Distances, match_N: NDArray[np.int32], forbidden_N: NDArray[np.int32]
) -> Distances:
    """Return the distance of each pair of states; UNREACHABLE if one is -1."""
    possible_N = (match_N >= 0) & (forbidden_N >= 0)
    return np.where(possible_N, distance_MF[match_N, forbidden_N], np.int32(UNREACHABLE))
