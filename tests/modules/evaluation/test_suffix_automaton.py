"""The automaton of all substrings, against slices and ``in``.

Texts are numbers below 3 here, so that much repeats; documents may have others, which are -1.
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
def test_it_has_every_substring_once_and_stays_small(text: list[int]) -> None:
    automaton = build_automaton(array(text), SYMBOLS)
    longest, links = automaton.longest_Q, automaton.link_Q
    # A state stands for the suffixes of its longest string down to one more than its link's.
    counts = [longest[q] - longest[link] for q, link in enumerate(links) if link != NOTHING]
    assert sum(counts) == len(substrings(text))
    edges = np.count_nonzero(automaton.keys_W != NOTHING)
    if len(text) >= 3:
        assert len(counts) + 1 <= 2 * len(text) - 1
        assert edges <= 3 * len(text) - 4
    assert 4 * edges <= 3 * len(automaton.keys_W)


def expected(text: list[int], documents: list[list[int]]) -> list[tuple[int, int]]:
    """Return, of each symbol, how long the longest span is that ends there and was read, and where.

    Spans are looked for from the longest down, documents from the first on.
    """

    def found(span: list[int]) -> int | None:
        before = 0
        for document in documents:
            for start in range(len(document) - len(span) + 1):
                if document[start : start + len(span)] == span:
                    return before + start + len(span) - 1
            before += len(document)
        return None

    spans = []
    for end in range(1, len(text) + 1):
        places = ((end - start, found(text[start:end])) for start in range(end))
        spans.append(next(((n, at) for n, at in places if at is not None), (0, int(NEVER))))
    return spans


@given(text=texts, documents=documents, several=st.booleans())
def test_what_was_read_is_known_of_every_symbol(
    text: list[int], documents: list[list[int]], several: bool
) -> None:
    documents = [[s if s in text else NOTHING for s in document] for document in documents]
    automaton = build_automaton(array(text), SYMBOLS)
    if several:
        before = 0
        for document in documents:
            scan(automaton, array(document), np.array([len(document)]), before)
            before += len(document)
    else:
        stops = np.cumsum([len(document) for document in documents], dtype=np.int64)
        scan(automaton, array(sum(documents, [])), stops, 0)
    propagate_matches(automaton)
    lengths = automaton.length_Q[1 : len(text) + 1].tolist()
    places = automaton.place_Q[1 : len(text) + 1].tolist()
    wanted = expected(text, documents)
    assert lengths == [length for length, _ in wanted]
    pairs = zip(places, wanted, strict=True)
    assert all(place == at for place, (length, at) in pairs if length)


def test_a_text_that_repeats_itself_is_read_in_linear_time() -> None:
    """Sorting its suffixes would compare 10**10 symbols; this takes milliseconds."""
    text = [0] * 100_000
    automaton = build_automaton(array(text), 1)
    scan(automaton, array([0] * 200_000), np.array([200_000]), 0)
    propagate_matches(automaton)
    assert automaton.length_Q[1 : len(text) + 1].tolist() == list(range(1, len(text) + 1))
    assert automaton.place_Q[len(text)] == len(text) - 1
