"""The surprise of texts is compared with the scores of the library."""

import pytest
from records import ALPHABET, record

from charloom.errors import SettingsError
from charloom.model import Model
from charloom.report.surprise import CHUNK_SYMBOLS, MAX_SHOWN, score_given, score_held_out
from charloom.settings import TextSettings
from charloom.text.documents import Document
from charloom.text.vocabulary import Vocabulary

TEXTS = [ALPHABET[k % 9 : k % 9 + 1 + k % 5] + str(k) for k in range(50)]


def test_chosen_texts_are_cleaned_and_scored_by_symbol() -> None:
    model = Model(record())
    [one, other] = score_given(model.scorer, ["abc &amp; d", "jij"], TextSettings())
    assert "".join(symbol for symbol, _ in one.symbols) == "abc & d<eos>"
    assert (one.given, one.begins, one.ends) == (True, True, True)
    expected = model.score(["abc &amp; d", "jij"])
    assert [one.bits_per_character, other.bits_per_character] == pytest.approx(expected, rel=1e-5)


def test_chosen_text_without_content_is_refused() -> None:
    with pytest.raises(SettingsError) as error:
        score_given(Model(record()).scorer, ["abc", "<br>"], TextSettings())
    assert str(error.value) == (
        '--text is "<br>", of which cleaning leaves nothing; give a text with at least one other '
        "character."
    )


def test_held_out_texts_are_evenly_spaced_in_the_ranking_by_surprise() -> None:
    model = Model(record())
    shown = score_held_out(model.scorer, [Document(text=text) for text in TEXTS])
    figures = sorted(model.score(TEXTS))
    assert len(shown) == MAX_SHOWN
    expected = [figures[k * (len(figures) - 1) // (MAX_SHOWN - 1)] for k in range(MAX_SHOWN)]
    assert [one.bits_per_character for one in shown] == pytest.approx(expected, rel=1e-5)
    assert not any(one.given for one in shown)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_held_out_texts_are_all_shown(count: int) -> None:
    model = Model(record())
    documents = [Document(text=text) for text in TEXTS[:count]]
    assert len(score_held_out(model.scorer, documents)) == count
    assert score_held_out(model.scorer, []) == []


def test_long_text_is_scored_as_one_and_shown_in_chunks() -> None:
    model = Model(record())
    text = (ALPHABET * 100)[: 2 * CHUNK_SYMBOLS + 10]
    chunks = score_given(model.scorer, [text], TextSettings(clean=False))
    assert [len(chunk.symbols) for chunk in chunks] == [CHUNK_SYMBOLS, CHUNK_SYMBOLS, 11]
    assert [chunk.begins for chunk in chunks] == [True, False, False]
    assert [chunk.ends for chunk in chunks] == [False, False, True]
    bits = sum(bits for chunk in chunks for _, bits in chunk.symbols)
    [score] = model.score([text])
    assert bits / (len(text) + 1) == pytest.approx(score, rel=1e-4)
    # The last chunk, of eleven symbols, is too short to show.
    assert len(score_held_out(model.scorer, [Document(text=text)])) == 2


def test_bits_per_character_at_byte_level_count_characters() -> None:
    text = TextSettings(level="byte", clean=False)
    symbols = ["a", "<0xC3>", "<0xA9>"]
    vocabulary = Vocabulary.from_counts("byte", symbols, [5, 5, 5], 1, 0)
    model = Model(record(text=text, vocabulary=vocabulary))
    [one] = score_given(model.scorer, ["aéa"], text)
    assert len(one.symbols) == 5
    assert one.bits_per_character == pytest.approx(model.score(["aéa"])[0], rel=1e-5)
