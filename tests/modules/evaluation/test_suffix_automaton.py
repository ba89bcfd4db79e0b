"""The suffix automaton against all slices of a text and a naive search in documents.

Texts are lists of numbers below 3, so that many substrings repeat. A symbol of a document that the
text does not have is -1.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.evaluation.suffix_automaton import (
    NEVER,
    NOTHING,
    build_automaton,
    propagate_matches,
    scan,
)

SYMBOLS = 3
texts = st.lists(st.integers(0, SYMBOLS - 1), max_size=40)
documents = st.lists(st.lists(st.integers(0, SYMBOLS - 1), max_size=40), max_size=5)


def array(text: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(text, dtype=np.int32)


def substrings(text: list[int]) -> set[tuple[int, ...]]:
    return {tuple(text[a:b]) for a in range(len(text)) for b in range(a + 1, len(text) + 1)}


@given(text=texts)
def test_states_have_every_substring_once_within_the_known_bounds(text: list[int]) -> None:
    automaton = build_automaton(array(text), SYMBOLS)
    longest, links = automaton.longest_Q, automaton.link_Q
    # The strings of a state are suffixes of its longest, down to one longer than its link's.
    counts = [longest[q] - longest[link] for q, link in enumerate(links) if link != NOTHING]
    assert sum(counts) == len(substrings(text))
    edges = np.count_nonzero(automaton.keys_W != NOTHING)
    if len(text) >= 3:
        assert len(counts) + 1 <= 2 * len(text) - 1
        assert edges <= 3 * len(text) - 4
    assert 4 * edges <= 3 * len(automaton.keys_W)


def expected(text: list[int], documents: list[list[int]]) -> list[tuple[int, int]]:
    """Return the length of the longest match that ends at each symbol, and where it first ends.

    Spans are tried from the longest to the shortest, documents in order.
    """

    def first_end(span: list[int]) -> int | None:
        before = 0
        for document in documents:
            for start in range(len(document) - len(span) + 1):
                if document[start : start + len(span)] == span:
                    return before + start + len(span) - 1
            before += len(document)
        return None

    spans = []
    for end in range(1, len(text) + 1):
        ends = ((end - start, first_end(text[start:end])) for start in range(end))
        spans.append(next(((n, at) for n, at in ends if at is not None), (0, int(NEVER))))
    return spans


@given(text=texts, documents=documents, one_by_one=st.booleans())
def test_scanned_documents_give_the_longest_match_at_every_symbol(
    text: list[int], documents: list[list[int]], one_by_one: bool
) -> None:
    documents = [[s if s in text else NOTHING for s in document] for document in documents]
    automaton = build_automaton(array(text), SYMBOLS)
    if one_by_one:
        before = 0
        for document in documents:
            scan(automaton, array(document), np.array([len(document)]), before)
            before += len(document)
    else:
        stops = np.cumsum([len(document) for document in documents], dtype=np.int64)
        scan(automaton, array(sum(documents, [])), stops, 0)
    propagate_matches(automaton)
    lengths = automaton.match_length_Q[1 : len(text) + 1].tolist()
    ends = automaton.match_end_Q[1 : len(text) + 1].tolist()
    matches = expected(text, documents)
    assert lengths == [length for length, _ in matches]
    pairs = zip(ends, matches, strict=True)
    assert all(end == expected_end for end, (length, expected_end) in pairs if length)


def test_a_repetitive_text_is_handled_in_linear_time() -> None:
    """Sorting its suffixes would compare 10**10 symbols. The automaton needs milliseconds."""
    text = [0] * 100_000
    automaton = build_automaton(array(text), 1)
    scan(automaton, array([0] * 200_000), np.array([200_000]), 0)
    propagate_matches(automaton)
    assert automaton.match_length_Q[1 : len(text) + 1].tolist() == list(range(1, len(text) + 1))
    assert automaton.match_end_Q[len(text)] == len(text) - 1
