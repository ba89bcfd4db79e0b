"""Texts to be looked at: their bits are those of the scorer, their order is that of surprise."""

import pytest
from records import ALPHABET, record

from charloom.errors import SettingsError
from charloom.model import Model
from charloom.report.surprise import CHUNK_SYMBOLS, MAX_SHOWN, score_given, score_held_out
from charloom.settings import TextSettings
from charloom.text.documents import Document

TEXTS = [ALPHABET[k % 9 : k % 9 + 1 + k % 5] + str(k) for k in range(50)]


def test_given_texts_are_cleaned_and_shown_as_they_are_scored() -> None:
    model = Model(record())
    [one, other] = score_given(model.scorer, ["abc &amp; d", "jij"], TextSettings())
    assert "".join(symbol for symbol, _ in one.symbols) == "abc & d<eos>"
    assert (one.given, one.begins, one.ends) == (True, True, True)
    told = model.score(["abc &amp; d", "jij"])
    assert [one.bits_per_character, other.bits_per_character] == pytest.approx(told, rel=1e-5)


def test_a_text_of_which_cleaning_leaves_nothing() -> None:
    with pytest.raises(SettingsError) as error:
        score_given(Model(record()).scorer, ["abc", "<b>"], TextSettings())
    assert str(error.value) == (
        'a text to show is "<b>", of which cleaning leaves nothing; give at least one character.'
    )


def test_held_out_texts_from_the_most_expected_to_the_most_surprising() -> None:
    model = Model(record())
    shown = score_held_out(model.scorer, [Document(text=text) for text in TEXTS])
    figures = sorted(model.score(TEXTS))
    assert len(shown) == MAX_SHOWN
    expected = [figures[k * (len(figures) - 1) // (MAX_SHOWN - 1)] for k in range(MAX_SHOWN)]
    assert [one.bits_per_character for one in shown] == pytest.approx(expected, rel=1e-5)
    assert not any(one.given for one in shown)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_texts_are_all_shown(count: int) -> None:
    model = Model(record())
    documents = [Document(text=text) for text in TEXTS[:count]]
    assert len(score_held_out(model.scorer, documents)) == count
    assert score_held_out(model.scorer, []) == []


def test_a_long_text_is_shown_in_pieces_that_are_read_as_one() -> None:
    model = Model(record())
    text = (ALPHABET * 100)[: 2 * CHUNK_SYMBOLS + 10]
    pieces = score_given(model.scorer, [text], TextSettings(clean=False))
    assert [len(piece.symbols) for piece in pieces] == [CHUNK_SYMBOLS, CHUNK_SYMBOLS, 11]
    assert [piece.begins for piece in pieces] == [True, False, False]
    assert [piece.ends for piece in pieces] == [False, False, True]
    bits = sum(bits for piece in pieces for _, bits in piece.symbols)
    [score] = model.score([text])
    assert bits / (len(text) + 1) == pytest.approx(score, rel=1e-4)
    # The rest, eleven symbols, is no text to look at.
    assert len(score_held_out(model.scorer, [Document(text=text)])) == 2


def test_characters_of_a_byte_are_those_that_begin_with_it() -> None:
    text = TextSettings(level="byte", clean=False)
    from charloom.text.vocabulary import Vocabulary

    symbols = ["a", "<0xC3>", "<0xA9>"]
    vocabulary = Vocabulary.from_counts("byte", symbols, [5, 5, 5], 1, 0)
    model = Model(record(text=text, vocabulary=vocabulary))
    [one] = score_given(model.scorer, ["aéa"], text)
    assert len(one.symbols) == 5
    assert one.bits_per_character == pytest.approx(model.score(["aéa"])[0], rel=1e-5)
