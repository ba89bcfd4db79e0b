"""Mixtures of models: weights, records and refusals. Their laws are in tests/laws."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary, random_tensors
from records import folder, record

import charloom
from charloom.errors import SettingsError
from charloom.mixture import Mixture
from charloom.model import Model
from charloom.settings import NetworkSettings, TextSettings
from charloom.text.documents import Document, to_blocks


def make_model(symbols: str, cell: Any, seed: int, **changes: Any) -> Model:
    vocabulary = make_vocabulary(symbols)
    network = NetworkSettings(cell=cell, hidden=7, layers=2, input=3, dropout=0.0)
    tensors = random_tensors(network, len(vocabulary), seed=seed)
    return Model(record(vocabulary=vocabulary, network=network, tensors=tensors, **changes))


ABC = make_model("abc", "lstm", 1)
EA = make_model("ea", "rnn", 3)
MIXTURE = charloom.mix([ABC, EA], [3, 1])


def test_a_mixture_can_be_pickled_after_use() -> None:
    again = pickle.loads(pickle.dumps(MIXTURE))
    assert isinstance(again, Mixture)
    assert again.generate(n=3, seed=1) == MIXTURE.generate(n=3, seed=1)
    assert again.weights == (0.75, 0.25)
    assert again.history == MIXTURE.history


def test_folders_are_loaded_and_weights_are_equal_by_default(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two")
    assert charloom.mix([one, str(two)]).weights == (0.5, 0.5)
    assert charloom.mix([ABC, EA], np.array([1, 3])).weights == (0.25, 0.75)  # type: ignore[arg-type]


def test_models_may_be_an_iterator_and_weights_large() -> None:
    assert charloom.mix(iter([ABC, EA]), [1e308, 1e308]).weights == (0.5, 0.5)  # type: ignore[arg-type]


def test_a_mixture_is_no_base() -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.train(texts=["ab", "cd"], base=MIXTURE)
    assert str(caught.value) == (
        "the base is a mixture, which has no weights of its own; give one of its models."
    )


@pytest.mark.parametrize("method", ["save", "report", "states", "vectors", "similar"])
def test_methods_that_need_one_network_are_refused(method: str) -> None:
    with pytest.raises(SettingsError) as caught:
        getattr(MIXTURE, method)("x")
    assert str(caught.value) == (
        f"a mixture has no {method}; call that of one of its models, such as mixture.models[0]."
    )


def test_a_state_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        MIXTURE.generate("a", state=ABC.states("a").at(-1))
    assert str(caught.value) == (
        "state was given to a mixture, whose models have a state each; leave it out, or generate "
        "with one of its models."
    )


STREAM = make_model("abc", "lstm", 1, text=TextSettings(unit="stream"))


@pytest.mark.parametrize(
    ("models", "weights", "line"),
    [
        ([ABC], None, "a mixture needs at least two models; give a list of them."),
        (ABC, None, "a mixture needs at least two models; give a list of them."),
        ({"a": 1, "b": 2}, None, "a mixture needs at least two models; give a list of them."),
        ([ABC, 5], None, "5 cannot be mixed; give models, or their folders."),
        ([ABC, EA], 0.5, "weights are 0.5 for 2 models; give a list of one for each."),
        (
            [ABC, EA],
            [1e-10, 0.5],
            "a weight is 1e-10, which is nothing beside 0.5; leave that model out.",
        ),
        ([ABC, EA], [1], "weights are [1] for 2 models; give a list of one for each."),
        ([ABC, EA], [1, 0], "a weight is 0; it must be a finite number above 0."),
        ([ABC, EA], [1, math.nan], "a weight is nan; it must be a finite number above 0."),
        ([ABC, EA], [1, "2"], "a weight is '2'; it must be a finite number above 0."),
        (
            [ABC, MIXTURE],
            None,
            "a mixture cannot be mixed again; give its models and weights.",
        ),
    ],
)
def test_wrong_mixtures_are_refused(models: Any, weights: Any, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.mix(models, weights)
    assert str(caught.value) == line


def test_unlike_models_are_refused() -> None:
    words = Model(record(vocabulary=make_vocabulary(["a", "b"], "word")))
    with pytest.raises(SettingsError) as caught:
        charloom.mix([ABC, words])
    assert str(caught.value) == (
        "models of level char and word cannot be mixed, since symbols are matched by their "
        "spelling; give models of one level."
    )
    with pytest.raises(SettingsError) as caught:
        charloom.mix([ABC, STREAM])
    assert str(caught.value) == (
        "a model of one stream, whose texts have no end, cannot be mixed with one of documents; "
        "give models of one kind."
    )


def test_the_record_has_the_symbols_of_all_models() -> None:
    assert MIXTURE.record.vocabulary.symbols == ("<eos>", "<unk>", *"abce")
    assert MIXTURE.record.text == ABC.record.text
    assert "0.75 of <charloom.Model: LSTM" in repr(MIXTURE)


def test_parts_are_the_models_alone() -> None:
    blocks = [*to_blocks(Document(text=text) for text in ("abca", "ee"))]
    first, second = MIXTURE.measure_parts(blocks, ["a", "b"])
    assert first.bits_per_character == ABC.bits_per_character(["abca", "ee"])
    assert (first.model, first.weight, first.unknown) == ("a", 0.75, 2)
    assert (second.model, second.weight, second.unknown) == ("b", 0.25, 2)
