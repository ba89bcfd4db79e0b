"""The JSON of a Tokenizer; tests/golden/keras has one that Keras wrote."""

import json
from typing import Any

import pytest
from keras_models import FOLDER

from charloom.errors import SettingsError
from charloom.exchange.keras_tokenizer import is_tokenizer, read_tokenizer


def tokenizer(index: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": "Tokenizer", "config": {"word_index": json.dumps(index), **config}}


def read(content: dict[str, Any]) -> Any:
    return read_tokenizer(content, "t.json")


def refused(content: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as error:
        read(content)
    return str(error.value)


def test_a_tokenizer_of_keras() -> None:
    content = json.loads((FOLDER / "titles_tokenizer.json").read_text("utf-8"))
    assert is_tokenizer(content)
    names, words, lowers, unknown, counts = read(content)
    assert names[:3] == [None, " ", "e"]
    assert (words, lowers, unknown) == (False, False, None)
    assert counts[" "] > counts["e"] > 10_000


def test_the_defaults_are_words_in_small_letters() -> None:
    names, words, lowers, unknown, _ = read(tokenizer({"<oov>": 1, "the": 2}, oov_token="<oov>"))
    assert (names, words, lowers, unknown) == ([None, "<oov>", "the"], True, True, "<oov>")


def test_ids_from_num_words_on_are_not_used() -> None:
    assert read(tokenizer({"a": 1, "b": 2, "c": 3}, num_words=3))[0] == [None, "a", "b"]


def test_both_tables_count() -> None:
    content = tokenizer({"a": 1}, index_word=json.dumps({"1": "a", "2": "<eos>"}))
    assert read(content)[0] == [None, "a", "<eos>"]


@pytest.mark.parametrize(
    "content",
    [
        {"config": {}},
        {"word_index": "no JSON"},
        {"word_index": "[1]"},
        {"word_index": {"a": "x"}},
        {"word_index": {"a": [1]}},
        {"word_index": {"a": 1}, "word_counts": 3},
        {"word_index": {"a": 1e999}},
    ],
)
def test_other_objects(content: dict[str, Any]) -> None:
    assert refused(content) == (
        "t.json is no JSON of a Keras Tokenizer; write it with tokenizer.to_json()."
    )


def test_ids_that_no_tokenizer_has() -> None:
    assert refused(tokenizer({})) == "t.json has no symbols; fit the Tokenizer on texts first."
    assert refused(tokenizer({"a": 0, "b": 1})) == (
        "t.json has ids from 0 to 1 for 2 symbols; those of a Tokenizer count from 1."
    )
    assert refused(tokenizer({"a": 1, "b": 10**9})) == (
        "t.json has ids from 1 to 1000000000 for 2 symbols; those of a Tokenizer count from 1."
    )
    assert refused(tokenizer({"a": 1, "b": 1})) == (
        "t.json has two symbols of id 1; each id has one."
    )
