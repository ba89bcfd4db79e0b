"""From a trie of forbidden strings to an automaton over symbols.

A symbol is a string of letters.

The state after a text is the node of its longest suffix in the trie. After a symbol, node and
failure link lead to the same state, unless the string of the node and the symbol go down the trie
together. Searching the trie of the symbols below each node finds these exceptions; a node has also
those along its failure links, and all others equal those of the root.

Axes: V symbols, F nodes, P pairs of a node and a node of the symbols' trie, X edges, E exceptions.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.generation.forbidden_trie import COMPLETE, LETTERS, WORD_MAY_END, ForbiddenTrie
from charloom.generation.sparse_automaton import SparseAutomaton, ranges

Ids = NDArray[np.int64]
ROOT_ROW, WORD_ROW = 0, 1
"""Default rows: of the root, and of the nodes after which a word may not end."""


class TooManyExceptionsError(Exception):
    """The automaton would need more memory than is allowed."""


@dataclasses.dataclass(frozen=True)
class _Exceptions:
    """The state after some symbols; of nodes, then of symbols."""

    nodes_E: Ids
    symbols_E: Ids
    targets_E: Ids

    @classmethod
    def join(cls, parts: Sequence["_Exceptions"]) -> "_Exceptions":
        none = np.empty(0, np.int64)
        return cls(
            np.concatenate([none, *(part.nodes_E for part in parts)]),
            np.concatenate([none, *(part.symbols_E for part in parts)]),
            np.concatenate([none, *(part.targets_E for part in parts)]),
        )


class _SymbolTrie:
    """The trie of all symbols with letters.

    Each node has a range of symbols in sorted order.
    """

    def __init__(self, letters_V: Sequence[Sequence[int]]) -> None:
        order = [index for index, letters in enumerate(letters_V) if letters]
        order.sort(key=lambda index: tuple(letters_V[index]))
        self.symbols = np.array(order, np.int64)
        """Symbols in the order of their letters."""
        first, own_end, end = [0], [0], [len(order)]
        child_of: dict[int, int] = {}
        for place, index in enumerate(order):
            node = 0
            for letter in letters_V[index]:
                key = node * LETTERS + letter
                node = child_of.setdefault(key, len(first))
                if node == len(first):
                    first.append(place)
                    own_end.append(place)
                    end.append(place)
                end[node] = place + 1
            own_end[node] = place + 1
        end[0] = len(order)
        self.first, self.own_end, self.end = map(np.array, (first, own_end, end))
        """Of each node: the range of the symbols that end with it, and of all below it."""
        keys = np.array(list(child_of), np.int64)
        by_key = np.argsort(keys)
        self._keys = keys[by_key]
        self._children = np.array(list(child_of.values()), np.int64)[by_key]

    def children(self, nodes_P: Ids, letters_P: Ids) -> Ids:
        """Return the child of each node after a letter; -1 where there is none."""
        if not len(self._keys):
            return np.full(len(nodes_P), -1)
        keys_P = nodes_P * LETTERS + letters_P
        place_P = np.minimum(np.searchsorted(self._keys, keys_P), len(self._keys) - 1)
        return np.where(self._keys[place_P] == keys_P, self._children[place_P], -1)


def build_sparse_automaton(
    trie: ForbiddenTrie, letters_V: Sequence[Sequence[int]], max_exceptions: int
) -> SparseAutomaton:
    """Return the automaton over symbols; one without letters leads to no state.

    Its states are the nodes of the trie. Raises TooManyExceptionsError.
    """
    symbols = _SymbolTrie(letters_V)
    completes_F = _completes_word(trie)
    after_end_V = np.array([letters[:1] == [WORD_MAY_END] for letters in map(list, letters_V)])
    root_V = [trie.walk(0, letters) if letters else COMPLETE for letters in letters_V]
    default_DV = np.array([root_V, np.where(after_end_V, COMPLETE, root_V)], np.int32)
    own = _own_exceptions(trie, symbols, max_exceptions)
    found = _with_inherited(own, np.array(trie.failure), max_exceptions)
    # The default row of these nodes says so already.
    kept_E = ~(completes_F[found.nodes_E] & after_end_V[found.symbols_E])
    keys_E = found.nodes_E * len(letters_V) + found.symbols_E
    return SparseAutomaton.from_exceptions(
        default_DV,
        np.where(completes_F, WORD_ROW, ROOT_ROW),
        ~completes_F,
        keys_E[kept_E],
        found.targets_E[kept_E],
    )


def _completes_word(trie: ForbiddenTrie) -> NDArray[np.bool_]:
    """Return after which nodes the end of a word would complete a pattern, (F,)."""
    result: list[bool] = []
    for node, children in enumerate(trie.children):
        child = children.get(WORD_MAY_END)
        link = trie.failure[node]
        result.append(child == COMPLETE if child is not None or node == 0 else result[link])
    return np.array(result)


def _own_exceptions(trie: ForbiddenTrie, symbols: _SymbolTrie, limit: int) -> _Exceptions:
    """Return the symbols that go down the trie from each node but the root.

    The end of a word that completes a pattern at once is left out: it is in a default row.
    """
    counts_F = np.array([len(children) for children in trie.children])
    first_F = np.cumsum(counts_F) - counts_F
    letters_X = np.array([x for children in trie.children for x in children], np.int64)
    targets_X = np.array([x for children in trie.children for x in children.values()], np.int64)
    starts_P = nodes_P = np.arange(1, len(trie))
    below_P = np.zeros(len(nodes_P), np.int64)
    found: list[_Exceptions] = []
    total, is_first_letter = 0, True
    while len(nodes_P):
        edges_P = ranges(first_F[nodes_P], counts_F[nodes_P])
        pairs_P = np.repeat(np.arange(len(nodes_P)), counts_F[nodes_P])
        below_P = symbols.children(below_P[pairs_P], letters_X[edges_P])
        targets_P, starts_P = targets_X[edges_P], starts_P[pairs_P]
        kept_P = below_P >= 0
        if is_first_letter:
            kept_P &= (letters_X[edges_P] != WORD_MAY_END) | (targets_P != COMPLETE)
            is_first_letter = False
        starts_P, targets_P, below_P = starts_P[kept_P], targets_P[kept_P], below_P[kept_P]
        last_P = np.where(targets_P == COMPLETE, symbols.end[below_P], symbols.own_end[below_P])
        counts_P = last_P - symbols.first[below_P]
        total += int(counts_P.sum())
        if total > limit:
            raise TooManyExceptionsError
        found.append(
            _Exceptions(
                np.repeat(starts_P, counts_P),
                symbols.symbols[ranges(symbols.first[below_P], counts_P)],
                np.repeat(targets_P, counts_P),
            )
        )
        continues_P = targets_P != COMPLETE
        starts_P, below_P = starts_P[continues_P], below_P[continues_P]
        nodes_P = targets_P[continues_P]
    return _Exceptions.join(found)


def _with_inherited(own: _Exceptions, failure_F: Ids, limit: int) -> _Exceptions:
    """Return the exceptions of each node, followed by those along its failure links."""
    order = np.argsort(own.nodes_E, kind="stable")
    symbols_E, targets_E = own.symbols_E[order], own.targets_E[order]
    counts_F = np.bincount(own.nodes_E, minlength=len(failure_F))
    first_F = np.cumsum(counts_F) - counts_F
    parts, total = [own], len(own.nodes_E)
    nodes, links = np.arange(len(failure_F)), failure_F
    while (links > 0).any():
        nodes, links = nodes[links > 0], links[links > 0]
        total += int(counts_F[links].sum())
        if total > limit:
            raise TooManyExceptionsError
        chosen_E = ranges(first_F[links], counts_F[links])
        parts.append(
            _Exceptions(np.repeat(nodes, counts_F[links]), symbols_E[chosen_E], targets_E[chosen_E])
        )
        links = failure_F[links]
    return _Exceptions.join(parts)
