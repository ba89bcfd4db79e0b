"""Spans that texts share with documents, against ``in`` and ``str.find``."""

import random
import string

from hypothesis import given
from hypothesis import strategies as st

from charloom.evaluation.copies import CopiedSpan, Matches, MatchFinder
from charloom.text.documents import BLOCK_CHARACTERS

# Few characters, so that spans repeat: of one to four bytes, and one of two code points.
ALPHABET = "abA é日本🙂👍🏽"
texts = st.lists(st.text(ALPHABET, max_size=25), min_size=1, max_size=6)
documents = st.lists(st.text(ALPHABET, max_size=20), max_size=6)


def find_matches(texts: list[str], documents: list[str]) -> Matches:
    finder = MatchFinder(texts)
    assert finder.scan(iter(documents)) == len(documents)
    return finder.matches(0, len(texts))


def longest_ending(text: str, documents: list[str]) -> list[int]:
    return [
        max(n for n in range(end + 1) if not n or any(text[end - n : end] in d for d in documents))
        for end in range(1, len(text) + 1)
    ]


def first_longest(text: str, documents: list[str]) -> CopiedSpan | None:
    for length in range(len(text), 0, -1):
        for start in range(len(text) - length + 1):
            span = text[start : start + length]
            for number, document in enumerate(documents):
                if span in document:
                    place = document.find(span)
                    return CopiedSpan(text=span, start=start, document=number, place=place)
    return None


@given(texts=texts, documents=documents)
def test_matches_are_those_of_a_naive_search(texts: list[str], documents: list[str]) -> None:
    result = find_matches(texts, documents)
    assert result.match_lengths_N.tolist() == [
        length for text in texts for length in longest_ending(text, documents)
    ]
    assert result.spans == tuple(first_longest(text, documents) for text in texts)
    assert result.whole_count == sum(bool(text) and text in documents for text in texts)
    assert result.lengths.tolist() == [len(text) for text in texts]


@given(texts=texts, more=texts, documents=documents)
def test_matches_of_a_text_do_not_depend_on_other_texts(
    texts: list[str], more: list[str], documents: list[str]
) -> None:
    finder = MatchFinder([*texts, *more])
    finder.scan(documents)
    for number, text in enumerate([*texts, *more]):
        among, alone = finder.matches(number, number + 1), find_matches([text], documents)
        assert (among.whole_count, among.spans) == (alone.whole_count, alone.spans)
        assert among.match_lengths_N.tolist() == alone.match_lengths_N.tolist()


def test_every_planted_copy_is_found_in_its_place() -> None:
    """Documents and texts share only the planted spans. The documents are several blocks."""
    rng = random.Random(0)
    lower, upper = string.ascii_lowercase, string.ascii_uppercase
    documents = ["".join(rng.choices(lower, k=rng.randrange(300))) for _ in range(4000)]
    assert sum(map(len, documents)) > 2 * BLOCK_CHARACTERS
    planted: list[CopiedSpan] = []
    texts: list[str] = []
    while len(texts) < 300:
        document = rng.choice(documents)
        if len(document) < 30:
            continue
        place = rng.randrange(len(document) - 25)
        span = document[place : place + rng.randrange(25, 200)]
        before, after = ("".join(rng.choices(upper, k=rng.randrange(200))) for _ in range(2))
        texts.append(before + span + after)
        planted.append(
            CopiedSpan(
                text=span, start=len(before), document=documents.index(document), place=place
            )
        )
    # A span of 25 letters occurs twice with a probability of about 26**-25 for each position.
    assert list(find_matches(texts, documents).spans) == planted


def test_no_span_extends_over_two_documents_or_two_texts() -> None:
    assert find_matches(["abcd"], ["ab", "cd"]).match_lengths_N.tolist() == [1, 2, 1, 2]
    assert find_matches(["ab", "cd"], ["abcd"]).match_lengths_N.tolist() == [1, 2, 1, 2]


def test_a_span_is_reported_at_its_first_occurrence() -> None:
    """Its first occurrence is within a longer span of another text."""
    result = find_matches(["xab", "ab"], ["--xab", "ab", "ab"])
    assert result.spans == (
        CopiedSpan(text="xab", start=0, document=0, place=2),
        CopiedSpan(text="ab", start=0, document=0, place=3),
    )
    assert result.whole_count == 1


def test_empty_documents_count_but_contain_no_span() -> None:
    (span,) = find_matches(["b"], ["", "a", "", "", "b", ""]).spans
    assert span == CopiedSpan(text="b", start=0, document=4, place=0)


def test_texts_without_a_common_character_have_no_span() -> None:
    result = find_matches(["", "日本"], ["", "abc"])
    assert (result.whole_count, result.spans, result.match_lengths_N.tolist()) == (
        0,
        (None, None),
        [0, 0],
    )


def test_lone_surrogates_are_compared_as_the_replacement_character() -> None:
    result = find_matches(["a\ud800"], ["-a\udfff"])
    assert result.spans == (CopiedSpan(text="a\ufffd", start=0, document=0, place=1),)
    assert find_matches(["\ud83d", "\ude42"], ["🙂"]).spans == (None, None)


def test_comparison_is_case_sensitive_and_counts_code_points() -> None:
    assert find_matches(["Ab"], ["ab"]).match_lengths_N.tolist() == [0, 1]
    (span,) = find_matches(["x👍🏽"], ["y👍🏽"]).spans
    assert span is not None
    assert span.to_json() == {
        **{"characters": 2, "text": "👍🏽"},
        **{"start": 1, "document": 0, "place": 1},
    }
