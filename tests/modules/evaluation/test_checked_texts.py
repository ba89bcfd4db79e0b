"""Accepted, unique and novel texts, counted by hand."""

import pytest

from charloom.evaluation.checked_texts import CheckedFigures, CheckedTexts


def accepts_b(texts: list[str]) -> list[bool]:
    return ["b" in text for text in texts]


def test_each_fraction_is_of_the_texts_that_the_one_before_left() -> None:
    texts = ["ab", "ab", "b", "bb", "a", "c", "ab", "bb"]
    judged = CheckedTexts([texts, ["b"], ["a", "c"]], lambda given: accepts_b([*given]))
    documents = ["bb", "a", "c", "ab x", "bb"]
    assert list(judged.watch(documents)) == documents
    first, second, third = judged.figures()
    assert first.accepted == 6 / 8
    assert first.unique == 3 / 6  # ab, b, bb
    assert first.novel == pytest.approx(2 / 3)  # bb is a document
    assert second == CheckedFigures(accepted=1.0, unique=1.0, novel=1.0)
    assert third == CheckedFigures(accepted=0.0, unique=None, novel=None)


def test_a_group_without_texts_has_no_figures() -> None:
    [figures] = CheckedTexts([[]], lambda given: []).figures()
    assert figures == CheckedFigures(accepted=0.0, unique=None, novel=None)
