"""The model of a network has the probabilities of the network, row by row."""

from typing import Any

import numpy as np
import pytest
from keras_models import SYMBOLS, probabilities, reference, softmax
from networks import network_id
from records import record

from charloom.exchange.imported_network import ImportedModel, own_model, to_model
from charloom.exchange.keras_export import own_json
from charloom.exchange.keras_import import parse_own_symbols
from charloom.exchange.symbols_file import SymbolList, SymbolOptions, assign_symbols
from charloom.model import Model
from charloom.network.engine import Engine

ORIGIN = {"imported_from": "x.keras"}


def made(file: str, *names: str | None, words: bool = False, **options: Any) -> ImportedModel:
    imported = reference(file)
    found = SymbolList(names=names or SYMBOLS, words=words)
    symbols = assign_symbols(found, imported.size, SymbolOptions(**options))
    return to_model(imported, symbols, ORIGIN)


def after(model: ImportedModel, text: str) -> dict[str, float]:
    """Return the probability of each symbol after the boundary and a text."""
    vocabulary, engine = model.record.vocabulary, Engine(model.record.network, model.record.tensors)
    state = engine.initial_state(np.array([-1]))
    for index in [0, *vocabulary.encode(text)]:
        state = engine.advance(np.array([index]), state)
    chances = softmax(engine.logits(state)[0])
    return dict(zip(vocabulary.symbols, chances.tolist(), strict=True))


def test_the_padding_is_read_before_a_text_and_the_end_after_it() -> None:
    model = made("lesson.keras", end="<eos>")
    expected = probabilities(reference("lesson.keras"), (0, 1, 2, 6))[-1]
    assert after(model, "abf") == pytest.approx(
        {"<eos>": expected[7], "<unk>": expected[0]}
        | {symbol: expected[k] for k, symbol in enumerate("abcdef", 1)},
        abs=1e-6,
    )
    assert model.notes == ('Texts begin after the padding (id 0); they end with "<eos>" (id 7).',)
    assert model.record.provenance == {
        "imported_from": "x.keras",
        "program": "Keras 3.15.1",
        "beginning_of_texts": "the padding (id 0)",
        "end_of_texts": 'they end with "<eos>" (id 7)',
        "ids_left_out": [],
    }
    assert not model.record.text.clean


def test_masked_padding_is_not_read() -> None:
    model = made("masked.keras", end="<eos>")
    assert not model.record.tensors["embedding.weight"][0].any()
    assert model.notes[0].startswith("Texts begin after an input of zeros; they end with")


def test_a_symbol_may_be_read_before_a_text() -> None:
    model = made("lesson.keras", *"abcdefgh", start="b", end="h")
    expected = probabilities(reference("lesson.keras"), (1, 0))[-1]
    assert after(model, "a")["b"] == pytest.approx(expected[1], abs=1e-6)
    assert after(model, "a")["<unk>"] < 1e-9
    both = made("lesson.keras", *"abcdefgh", end="h")
    expected = probabilities(reference("lesson.keras"), (7, 0))[-1]
    assert after(both, "a")["<eos>"] == pytest.approx(expected[7], abs=1e-6)


def test_a_model_without_an_end_is_endless() -> None:
    model = made("lesson.keras", *"abcdefgh")
    assert model.record.is_one_stream
    assert after(model, "ab")["<eos>"] < 1e-9
    assert model.notes == (
        "Texts begin after an input of zeros; the model has no end of texts, so they get their "
        "full length.",
    )
    [text] = Model(model.record).generate("a", length=50)
    assert len(text) == 51


def test_ids_without_a_symbol_are_left_out() -> None:
    model = made("lesson.keras", None, "a", "b", None, "c", "d", "<s>", "<eos>", start="<s>",
                 end="<eos>")  # fmt: skip
    assert model.record.vocabulary.symbols == ("<eos>", "<unk>", "a", "b", "c", "d")
    expected = probabilities(reference("lesson.keras"), (6, 1))[-1]
    kept = np.delete(expected, [3, 6])
    assert after(model, "a")["c"] == pytest.approx(expected[4] / kept.sum(), abs=1e-6)
    assert model.notes[1] == (
        "2 ids without a symbol, first 3, cannot be predicted any more; the probabilities of the "
        "others keep their proportions."
    )


def test_words_are_read_without_a_space_and_written_with_one() -> None:
    words = (None, "the", "cat", "sat", "on", "a", "mat", "<eos>")
    model = made("masked.keras", *words, words=True, end="<eos>")
    symbols = model.record.vocabulary.symbols
    assert symbols[2:] == (*(f" {w}" for w in words[1:7]), *words[1:7])
    assert after(model, "the cat") == pytest.approx(after(model, " the cat"), abs=1e-9)
    assert sum(after(model, "the cat")[str(word)] for word in words[1:7]) == 0
    assert model.notes[-1] == "Each word is written with a space before it."
    [text] = Model(model.record).generate("the", length=8, seed=3, min_length=3)
    assert text.startswith("the ")


def test_small_letters_are_noted() -> None:
    imported = reference("lesson.keras")
    symbols = assign_symbols(
        SymbolList(names=SYMBOLS, lowers=True), imported.size, SymbolOptions(end="<eos>")
    )
    assert to_model(imported, symbols, ORIGIN).notes[-1] == (
        "The tokenizer made letters small: write prompts and texts in small letters."
    )


def test_a_model_with_its_own_vocabulary_keeps_its_ids() -> None:
    imported = reference("lesson.keras")
    original = record(network=imported.network)
    own = parse_own_symbols(own_json(original), len(original.vocabulary))
    model = own_model(imported, own, ORIGIN)
    assert model.tensors is imported.tensors
    assert model.provenance == {"imported_from": "x.keras", "program": "Keras 3.15.1"}
    assert network_id(model.network) == "lstm-1x4-one-hot"
