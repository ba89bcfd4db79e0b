"""Metrics against sums by hand, over symbols whose nats the test chooses."""

import math
from typing import Any

import numpy as np
import pytest

from charloom.errors import CorpusError
from charloom.evaluation.evaluate import evaluate
from charloom.evaluation.scorer import ScoredBlock
from charloom.text.documents import Block
from charloom.text.symbols import code_units


def scored(
    *texts: str, bits: list[float], symbols: list[int] | None = None, **more: Any
) -> ScoredBlock:
    """Return a block with the given bits; a text has a symbol per character by default."""
    block = Block(
        codes=code_units("".join(texts), "char"), lengths=np.array(list(map(len, texts))), **more
    )
    sizes = symbols or [len(text) + 1 for text in texts]
    return ScoredBlock(
        block=block,
        targets_N=np.array([1 if k == 1 else 2 for k in range(len(bits))]),
        nats_N=np.array(bits, np.float32) * np.float32(math.log(2)),
        correct_N=np.array([value < 1 for value in bits]),
        ends_D=np.cumsum(sizes),
    )


def two() -> ScoredBlock:
    return scored("a bcd", "e", bits=[4, 3.5, 0.5, 4], symbols=[3, 1])


def test_sums_are_divided_once_at_the_end() -> None:
    """12 bits over 8 characters and 4 symbols; a mean of the two documents would differ."""
    result = evaluate(iter([two()]))
    assert result.bits_per_character == pytest.approx(1.5)
    assert result.nats_per_symbol == pytest.approx(3 * math.log(2))
    assert result.perplexity == pytest.approx(8.0)
    assert (result.characters, result.symbols, result.documents, result.unknown) == (8, 4, 2, 1)
    assert result.accuracy == 0.25
    # Three words and two boundaries have 12 bits.
    assert result.words == 3
    assert result.perplexity_per_word == pytest.approx(2 ** (12 / 5))
    assert result.interval is None, "two documents"


def test_two_blocks_have_the_metrics_of_one() -> None:
    whole = evaluate([scored("ab", "c", "d e", bits=list(range(9)))])
    parts = evaluate([scored("ab", bits=[0, 1, 2]), scored("c", "d e", bits=list(range(3, 9)))])
    assert parts.nats_per_symbol == pytest.approx(whole.nats_per_symbol)
    assert (parts.characters, parts.words, parts.documents) == (9, 4, 3)


def test_a_document_in_two_blocks_counts_once() -> None:
    first = scored("ab c", bits=[1, 1, 1, 1], symbols=[4], unfinished=True)
    result = evaluate([first, scored("d", "e", bits=[1, 1, 1, 1])])
    assert (result.documents, result.characters, result.symbols) == (2, 8, 8)
    assert result.words == 3, "c and d are one"


def test_metrics_by_label() -> None:
    result = evaluate(
        [scored("ab", "c", "d", bits=[1, 2, 3, 0.5, 0.5, 4, 4], labels=["x", None, "x"])]
    )
    assert list(result.labels) == ["", "x"]
    assert result.labels["x"].bits_per_character == pytest.approx(14 / 5)
    assert result.labels[""].accuracy == 1
    assert [row.documents for row in result.labels.values()] == [1, 2]
    assert [row.characters for row in result.labels.values()] == [2, 5]


def test_the_interval_is_about_that_of_the_normal_distribution() -> None:
    """The mean of n independent documents of one size has the standard error s / sqrt(n)."""
    bits = np.random.default_rng(3).exponential(2.0, (400, 5)).astype(np.float32)
    result = evaluate([scored(*["abcd"] * 400, bits=bits.ravel().tolist())])
    means = bits.mean(axis=1)
    error = 1.96 * means.std() / math.sqrt(400)
    assert result.interval is not None
    assert result.interval == pytest.approx((means.mean() - error, means.mean() + error), abs=0.02)


def test_json_has_the_documented_keys() -> None:
    assert set(evaluate([two()]).to_json()) >= {
        *("bits_per_character", "nats_per_symbol", "perplexity"),
        *("characters", "symbols", "documents", "unknown"),
    }


def test_no_documents_are_refused() -> None:
    with pytest.raises(CorpusError) as error:
        evaluate([])
    assert str(error.value) == "there is no document to evaluate; give at least one line of text."
