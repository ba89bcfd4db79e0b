import math

import pytest

from charloom.errors import CorpusError
from charloom.evaluation.scorer import Score
from charloom.evaluation.summary import evaluate

SCORES = [
    Score(nats=8 * math.log(2), symbols=3, characters=6, unknown=1),
    Score(nats=4 * math.log(2), symbols=1, characters=2, unknown=0),
]


def test_sums_are_divided_once_at_the_end() -> None:
    """12 bits over 8 characters and 4 symbols; a mean of the two documents would differ."""
    result = evaluate(iter(SCORES))
    assert result.bits_per_character == pytest.approx(1.5)
    assert result.nats_per_symbol == pytest.approx(3 * math.log(2))
    assert result.perplexity == pytest.approx(8.0)
    assert (result.characters, result.symbols, result.documents, result.unknown) == (8, 4, 2, 1)


def test_the_keys_that_others_rely_on() -> None:
    assert set(evaluate(SCORES).to_json()) == {
        *("bits_per_character", "nats_per_symbol", "perplexity"),
        *("characters", "symbols", "documents", "unknown"),
    }


def test_no_documents() -> None:
    with pytest.raises(CorpusError) as error:
        evaluate([])
    assert str(error.value) == "there is no document to evaluate; give at least one line of text."
