"""From a trie of forbidden strings to an automaton over bytes of UTF-8.

A byte may end no character, so a state is a node of the trie with the prefix of a character
(utf8_prefixes.py). Bytes that are not UTF-8 are read as U+FFFD, as Python decodes them.

Characters that lead to the same states form a class. An automaton over classes
(forbidden_symbols.py) says which classes have exceptions after a node. After a prefix, nodes with
the same exceptions among the classes that may complete it share a state.

Axes: F states, D default rows, B bytes (256), C code points.
"""

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.generation.forbidden_symbols import WORD_ROW, build_sparse_automaton
from charloom.generation.forbidden_trie import (
    COMPLETE,
    OTHER,
    ForbiddenTrie,
    LetterSplitter,
    enclose,
)
from charloom.generation.sparse_automaton import SparseAutomaton, ranges
from charloom.generation.utf8_prefixes import CODES, Prefix, Utf8Prefixes

_BYTES = 256
_REPLACEMENT = 0xFFFD
_CASED_CODES = 0x20000
"""No character above has another case."""
_Pairs = tuple[tuple[int, int], ...]
"""Pairs of a class and the node after it."""


@dataclasses.dataclass
class _Transitions:
    """The states after some bytes; of states, then of bytes."""

    states: list[int] = dataclasses.field(default_factory=list)
    bytes: list[int] = dataclasses.field(default_factory=list)
    targets: list[int] = dataclasses.field(default_factory=list)

    def add(self, state: int, bytes_: Sequence[int], target: int) -> None:
        self.states += [state] * len(bytes_)
        self.bytes += bytes_
        self.targets += [target] * len(bytes_)


class ByteStates:
    """The states of the automaton over bytes; the nodes of the trie come first."""

    def __init__(self, trie: ForbiddenTrie, splitter: LetterSplitter, max_exceptions: int) -> None:
        class_of_code_C, letters = classify(trie, splitter)
        classes = build_sparse_automaton(trie, letters, max_exceptions)
        self._root = classes.default_DV[0].tolist()
        """The node after each class that follows the root."""
        self._invalid = int(class_of_code_C[_REPLACEMENT])
        """The class of bytes that are not UTF-8."""
        self._utf8 = Utf8Prefixes(class_of_code_C)
        self._class_of_byte = class_of_code_C[:_BYTES].astype(np.int64)
        """The class of each byte at the start of a character; -1 if other bytes follow."""
        self._class_of_byte[128:] = self._invalid
        self._class_of_byte[list(self._utf8.after_lead)] = -1
        self._exceptions = _Exceptions.of_classes(classes)
        self._states: dict[tuple[Prefix, _Pairs], int] = {}
        self._unread: list[tuple[Prefix, _Pairs]] = []
        """States whose bytes are not followed yet."""
        self.without_prefix = list(range(len(trie)))
        """The node after each state if its prefix is never completed."""
        self._after_leads = functools.cache(self._follow_leads)
        self._row = functools.cache(self._find_row)
        self._beyond_ascii = frozenset[int]().union(
            {self._invalid}, *(prefix.reachable for prefix in self._utf8.after_lead.values())
        )
        self.automaton = self._build(classes.may_end_F)

    def _build(self, may_end_F: NDArray[np.bool_]) -> SparseAutomaton:
        nodes = len(may_end_F)
        default_DB = self._default_rows()
        nodes_E, bytes_E, targets_E = self._first_bytes()
        found = _Transitions()
        for node, pairs in self._exceptions.by_node(self._beyond_ascii).items():
            for byte, state in self._after_leads(pairs):
                found.add(node, [byte], state)
        while self._unread:
            prefix, pairs = self._unread.pop()
            state = self._states[prefix, pairs]
            for class_index, target in pairs:
                if class_index == self._invalid:
                    row = self._row(target)
                    for byte in prefix.invalid:
                        found.add(state, [byte], row[byte])
                found.add(state, prefix.classes.get(class_index, []), target)
            for longer, bytes_ in prefix.longer.items():
                found.add(state, bytes_, self._state(longer, pairs))
        base_F = np.zeros(len(self.without_prefix), np.int64)
        for (prefix, _), state in self._states.items():
            base_F[state] = 1 + prefix.index
        node_F = np.array(self.without_prefix)
        states_E = np.concatenate([nodes_E, np.array(found.states, np.int64)])
        assert nodes + len(self._states) == len(base_F)
        return SparseAutomaton.from_exceptions(
            default_DB,
            base_F,
            (node_F >= 0) & may_end_F[node_F],
            states_E * _BYTES + np.concatenate([bytes_E, np.array(found.bytes, np.int64)]),
            np.concatenate([targets_E, np.array(found.targets, np.int64)]),
        )

    def _default_rows(self) -> NDArray[np.int64]:
        """Return the rows of the root and of each prefix after it, (D, 256)."""
        for prefix in self._utf8.prefixes:
            self._state(prefix, ())
        rows = [self._row(0)]
        for prefix in self._utf8.prefixes:
            row = list(self._row(self._root[self._invalid]))
            for class_index, bytes_ in prefix.classes.items():
                for byte in bytes_:
                    row[byte] = self._root[class_index]
            for longer, bytes_ in prefix.longer.items():
                for byte in bytes_:
                    row[byte] = self._states[longer, ()]
            rows.append(row)
        return np.array(rows, np.int64)

    def _first_bytes(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return nodes, bytes and targets of the exceptions that one byte decides."""
        bytes_B = np.argsort(self._class_of_byte, kind="stable")
        sorted_B = self._class_of_byte[bytes_B]
        first_E = np.searchsorted(sorted_B, self._exceptions.classes_E)
        counts_E = np.searchsorted(sorted_B, self._exceptions.classes_E, "right") - first_E
        return (
            np.repeat(self._exceptions.nodes_E, counts_E),
            bytes_B[ranges(first_E, counts_E)],
            np.repeat(self._exceptions.targets_E, counts_E),
        )

    def _find_row(self, node: int) -> list[int]:
        """Return the state after each byte that follows a node, (256,)."""
        if node == COMPLETE:
            return [COMPLETE] * _BYTES
        pairs = self._exceptions.of_node(node)
        after = self._root.copy()
        for class_index, target in pairs:
            after[class_index] = target
        row = [after[index] for index in self._class_of_byte.tolist()]
        for byte, prefix in self._utf8.after_lead.items():
            row[byte] = self._state(prefix, pairs)
        return row

    def _follow_leads(self, pairs: _Pairs) -> list[tuple[int, int]]:
        """Return the first bytes of characters that lead to other states than the root."""
        return [
            (byte, self._state(prefix, pairs))
            for byte, prefix in self._utf8.after_lead.items()
            if self._relevant(prefix, pairs)
        ]

    def _state(self, prefix: Prefix, pairs: _Pairs) -> int:
        """Return the state after a node with some exceptions and a prefix."""
        relevant = self._relevant(prefix, pairs)
        state = self._states.get((prefix, relevant))
        if state is None:
            state = self._states[prefix, relevant] = len(self.without_prefix)
            self._unread.append((prefix, relevant))
            node = dict(relevant).get(self._invalid, self._root[self._invalid])
            self.without_prefix.append(node)
        return state

    def _relevant(self, prefix: Prefix, pairs: _Pairs) -> _Pairs:
        """Return the exceptions that count after a prefix."""
        return tuple(
            pair for pair in pairs if pair[0] == self._invalid or pair[0] in prefix.reachable
        )


@dataclasses.dataclass(frozen=True)
class _Exceptions:
    """The classes after which nodes differ from the root, with the nodes after them."""

    nodes_E: NDArray[np.int64]
    classes_E: NDArray[np.int64]
    targets_E: NDArray[np.int64]

    @classmethod
    def of_classes(cls, classes: SparseAutomaton) -> "_Exceptions":
        root, word = classes.default_DV
        completing = np.flatnonzero(word != root)
        nodes = np.flatnonzero(classes.base_F == WORD_ROW)
        nodes_E = np.concatenate(
            [
                np.repeat(nodes, len(completing)),
                np.repeat(np.arange(len(classes)), np.diff(classes.offsets_F1)),
            ]
        )
        classes_E = np.concatenate([np.tile(completing, len(nodes)), classes.symbols_E])
        targets_E = np.concatenate(
            [np.full(len(nodes) * len(completing), COMPLETE), classes.targets_E]
        )
        return cls(nodes_E, classes_E, targets_E)

    def by_node(self, chosen: Collection[int]) -> dict[int, _Pairs]:
        """Return the exceptions for some classes, of each node that has any."""
        kept_E = np.isin(self.classes_E, list(chosen))
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for node, class_index, target in zip(
            self.nodes_E[kept_E].tolist(),
            self.classes_E[kept_E].tolist(),
            self.targets_E[kept_E].tolist(),
            strict=True,
        ):
            found[node].append((class_index, target))
        return {node: tuple(pairs) for node, pairs in found.items()}

    def of_node(self, node: int) -> _Pairs:
        """Return the exceptions of one node."""
        kept_E = self.nodes_E == node
        pairs = zip(self.classes_E[kept_E].tolist(), self.targets_E[kept_E].tolist(), strict=True)
        return tuple(pairs)


def classify(
    trie: ForbiddenTrie, splitter: LetterSplitter
) -> tuple[NDArray[np.int32], list[Sequence[int]]]:
    """Return the class of each code point, (C,), and the letters of each class.

    All letters that no forbidden string has are OTHER.
    """
    used = {letter for children in trie.children for letter in children}
    index_of: dict[tuple[int, ...], int] = {(OTHER,): 0}
    class_of_code_C = np.zeros(CODES, np.int32)
    if splitter.whole_words:
        index_of[enclose(OTHER)] = 1
        class_of_code_C[:] = ~_word_characters()
    special = {letter for letter in used if letter < CODES}
    if splitter.ignore_case:
        special |= _cased_codes()
    for code in special:
        letters = tuple(
            letter if letter in used or letter >= CODES else OTHER
            for letter in splitter.split(chr(code))
        )
        class_of_code_C[code] = index_of.setdefault(letters, len(index_of))
    return class_of_code_C, [list(letters) for letters in index_of]


@functools.cache
def _cased_codes() -> frozenset[int]:
    """Return the code points that case folding changes."""
    codes = range(_CASED_CODES)
    return frozenset(code for code in codes if chr(code).casefold() != chr(code))


@functools.cache
def _word_characters() -> NDArray[np.bool_]:
    """Return for each code point whether it belongs to words."""
    import regex

    result_C = np.zeros(CODES, np.bool_)
    for match in regex.finditer(r"\w+", "".join(map(chr, range(CODES)))):
        result_C[match.start() : match.end()] = True
    return result_C
