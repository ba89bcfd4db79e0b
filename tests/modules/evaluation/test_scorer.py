"""Scores under Markov chains, where the nats of a text are a sum of known logarithms."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from networks import make_vocabulary, markov_tensors, random_tensors

from charloom.errors import LabelError
from charloom.evaluation.scorer import Score, Scorer
from charloom.evaluation.symbol_scorer import BATCH_SIZE, SymbolScorer
from charloom.network.reference import Network
from charloom.settings import NetworkSettings
from charloom.text.documents import BLOCK_CHARACTERS, Block, Document, to_blocks
from charloom.text.symbols import code_units

LETTERS = "abc"
PROBABILITIES = np.random.default_rng(0).dirichlet([1.0] * 5, size=5)


def symbol_scorer(probabilities: Any) -> SymbolScorer:
    settings, tensors = markov_tensors(probabilities)
    return SymbolScorer(
        settings, {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    )


def by_hand(text: str) -> float:
    ids = [0, *(LETTERS.index(letter) + 2 if letter in LETTERS else 1 for letter in text), 0]
    return -sum(
        math.log(PROBABILITIES[last][this]) for last, this in zip(ids, ids[1:], strict=False)
    )


def scorer() -> Scorer:
    return Scorer(symbol_scorer(PROBABILITIES), make_vocabulary(LETTERS))


def scores(*texts: str) -> list[Score]:
    return list(scorer().score(Document(text=text) for text in texts))


@pytest.mark.parametrize("text", ["", "a", "abcabc", "xaéb"])
def test_nats_bits_and_counts_of_a_text(text: str) -> None:
    (score,) = scores(text)
    assert score.nats == pytest.approx(by_hand(text), rel=1e-6)
    assert score.bits == pytest.approx(by_hand(text) / math.log(2), rel=1e-6)
    assert score.bits_per_character == pytest.approx(score.bits / (len(text) + 1), rel=1e-6)
    assert (score.symbols, score.characters) == (len(text) + 1, len(text) + 1)
    assert score.unknown == sum(letter not in LETTERS for letter in text)


def test_scores_are_in_the_order_of_the_documents() -> None:
    """Several batches of documents, some of which are many times as long as most."""
    generator = np.random.default_rng(1)
    sizes = generator.integers(0, 60, 4 * BATCH_SIZE + 3)
    sizes[[3, 70, -1]] = 500, 900, 2000
    texts = ["".join(generator.choice(list(LETTERS), size)) for size in sizes]
    result = scores(*texts)
    assert [score.symbols for score in result] == [size + 1 for size in sizes]
    assert [score.nats for score in result] == pytest.approx(list(map(by_hand, texts)), rel=1e-6)


def test_only_one_block_of_documents_is_read_ahead() -> None:
    taken = 0

    def endless() -> Iterator[Document]:
        nonlocal taken
        while True:
            taken += 1
            yield Document(text="ab")

    next(scorer().score(endless()))
    assert taken == BLOCK_CHARACTERS // 2


def test_a_document_may_continue_in_the_next_blocks() -> None:
    text = "".join(np.random.default_rng(2).choice(list(LETTERS), 1000))
    (whole,) = scorer().score_blocks(to_blocks([Document(text=text)]))
    parts = (text[:400], text[400:401], text[401:])
    blocks = [
        Block(
            codes=code_units(part, "char"),
            lengths=np.array([len(part)]),
            unfinished=part != parts[2],
        )
        for part in parts
    ]
    scored = list(scorer().score_blocks(blocks))
    assert np.array_equal(np.concatenate([block.nats_N for block in scored]), whole.nats_N)
    assert np.array_equal(np.concatenate([block.targets_N for block in scored]), whole.targets_N)


def test_a_target_is_correct_if_it_is_the_first_of_the_most_probable() -> None:
    probabilities = [[0.1, 0.0, 0.6, 0.2, 0.1], [0.2] * 5, [0.4, 0, 0.2, 0.4, 0], [0, 0, 1, 0, 0]]
    markov = Scorer(symbol_scorer([*probabilities, [0.2] * 5]), make_vocabulary(LETTERS))
    (scored,) = markov.score_blocks(to_blocks([Document(text="ab"), Document(text="aba")]))
    # After a, the boundary and b are equally probable: the one with the lower id counts.
    assert scored.correct_N.tolist() == [True, False, False, True, False, True, True]


def test_no_documents_have_no_scores() -> None:
    assert scores() == []


def test_characters_are_code_points_at_any_level() -> None:
    uniform = symbol_scorer(np.full((5, 5), 0.2))
    for known, level in ((["<0xC3>", "<0xA9>", "a"], "byte"), (["aé", " ", "."], "closed-word")):
        (score,) = Scorer(uniform, make_vocabulary(known, level)).score([Document(text="aé aé")])  # type: ignore[arg-type]
        assert score.characters == 6
        assert score.symbols == {"byte": 8, "closed-word": 4}[level]
        assert score.unknown == (level == "byte")
        assert score.nats == pytest.approx(score.symbols * math.log(5))


def test_a_label_selects_the_initial_state() -> None:
    settings = NetworkSettings(cell="lstm", hidden=4, layers=2, input=3)
    tensors = random_tensors(settings, 5, labels=2, seed=1, scale=1.0)
    network = Network(settings, tensors)
    labels = [None, "sport", "news", "sport"]
    result = Scorer(
        SymbolScorer(settings, tensors), make_vocabulary(LETTERS), ("news", "sport")
    ).score(Document(text="", label=label) for label in labels)
    for score, index in zip(result, (-1, 1, 0, 1), strict=True):
        logits = network.step(np.array([0]), network.initial_state(np.array([index])))[0][0]
        expected = math.log(sum(math.exp(x) for x in logits)) - logits[0]
        assert score.nats == pytest.approx(expected, rel=1e-6)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(LabelError) as error:
        list(scorer().score([Document(text="a", label="news")]))
    assert str(error.value) == (
        "label 'news' was asked for, but this model has no labels; "
        "leave the label out, or train a model with --label-column."
    )
