"""Models of words and of token patterns: what they score, show and write."""

import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest

import charloom

ANIMALS, VERBS = ("cat", "dog", "hen"), ("sat", "ran", "hid")
SENTENCES = [
    f"the {a} {v} in the {place}."
    for a, v, place in itertools.product(ANIMALS, VERBS, ("mill", "barn", "shed", "hall"))
] + ["the ibex sat in the fjord."]
MOLECULES = ["".join(p) for p in itertools.product(("C", "Cl", "[nH]", "Br"), repeat=3)]


def trained(texts: list[str], folder: Path, **settings: Any) -> charloom.Model:
    path = folder / "texts.txt"
    path.write_text("\n".join(texts), "utf-8")
    return charloom.train(
        path, output=folder / "run", epochs=60, hidden=32, input=16, dropout=0.0, **settings
    )


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> charloom.Model:
    return trained(SENTENCES, tmp_path_factory.mktemp("words"), level="word")


@pytest.fixture(scope="module")
def molecules(tmp_path_factory: pytest.TempPathFactory) -> charloom.Model:
    folder = tmp_path_factory.mktemp("molecules")
    return trained(MOLECULES, folder, token_pattern=r"Cl|Br|\[[^]]*\]")


def test_words_follow_words(words: charloom.Model) -> None:
    shown = [symbol for symbol, _ in words.next("the cat")[:3]]
    assert sorted(shown) == [" hid", " ran", " sat"]


def test_words_that_were_never_seen_are_scored_and_written(words: charloom.Model) -> None:
    vocabulary = words.record.vocabulary
    assert list(vocabulary.iter_symbols("the cabin sat.")) == ["the", " ", *"cabin", " sat", "."]
    assert vocabulary.unknown_symbols("the cabin sat.") == []
    [bits], [usual] = words.score(["the cabin sat."]), words.score(["the cat sat."])
    assert usual < bits < 20
    assert words.generate(match="the cabin sat[.]") == ["the cabin sat."]


def test_bits_are_those_of_the_symbols_of_the_text(words: charloom.Model) -> None:
    """The chain rule, with the probabilities that ``next`` shows, over spelled words too."""
    text, bits = "the ibis ran.", 0.0
    symbols = list(words.record.vocabulary.iter_symbols(text))
    for index, symbol in enumerate([*symbols, "<eos>"]):
        probabilities = dict(words.next("".join(symbols[:index])))
        bits -= math.log2(probabilities[symbol])
    assert words.score([text]) == pytest.approx([bits / (len(text) + 1)], rel=1e-4)


def test_a_match_of_the_pattern_is_one_symbol(molecules: charloom.Model) -> None:
    assert set(molecules.record.vocabulary.symbols[2:]) >= {"C", "Cl", "Br", "[nH]"}
    assert {symbol for symbol, _ in molecules.next("Cl")[:4]} == {"C", "Cl", "[nH]", "Br"}


def test_texts_match_whatever_their_symbols(molecules: charloom.Model) -> None:
    texts = molecules.generate(match=r"(C|\[nH\]){2}[^C]r?", n=20, seed=3)
    assert all(re.fullmatch(r"(C|\[nH\]){2}[^C]r?", text) for text in texts)
    assert len(set(texts)) > 1


def test_a_saved_model_splits_as_before(molecules: charloom.Model, tmp_path: Path) -> None:
    molecules.save(tmp_path / "copy")
    again = charloom.load(tmp_path / "copy")
    assert again.record.vocabulary == molecules.record.vocabulary
    assert again.record.text.token_pattern == r"Cl|Br|\[[^]]*\]"
    assert again.score(["ClBr[nH]"]) == molecules.score(["ClBr[nH]"])


def test_training_continues_with_the_same_symbols(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(SENTENCES), "utf-8")
    options: dict[str, Any] = {"level": "word", "hidden": 8, "input": 8}

    class Stop:
        def __call__(self, event: charloom.Event) -> None:
            if isinstance(event, charloom.Validation):
                raise KeyboardInterrupt

    whole = charloom.train(path, output=tmp_path / "whole", epochs=6, **options)
    with pytest.raises(KeyboardInterrupt):
        charloom.train(path, output=tmp_path / "cut", epochs=6, listeners=[Stop()], **options)
    resumed = charloom.train(path, output=tmp_path / "cut", epochs=6, resume=True, **options)
    assert resumed.score(SENTENCES) == whole.score(SENTENCES)
