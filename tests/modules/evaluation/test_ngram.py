"""The n-gram model against a slow one, with dicts of tuples and the formulas as published.

Axes: N targets.
"""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.evaluation import ngram
from charloom.evaluation.ngram import surprisals
from charloom.evaluation.targets import Targets

Gram = tuple[int, ...]
Ids = NDArray[np.int64]


class Oracle:
    """Modified Kneser-Ney smoothing, one n-gram at a time."""

    def __init__(self, documents: list[Ids], vocabulary_size: int, order: int) -> None:
        self.vocabulary_size = vocabulary_size
        occurrences: Counter[Gram] = Counter()
        before: dict[Gram, set[int]] = defaultdict(set)
        for document in documents:
            text = [0, *document.tolist(), 0]
            for last in range(1, len(text)):
                for first in range(max(last - order + 1, 0), last + 1):
                    gram = tuple(text[first : last + 1])
                    occurrences[gram] += 1
                    if first > 0:
                        before[gram].add(text[first - 1])
        self.counts: dict[Gram, dict[int, int]] = defaultdict(dict)
        for gram, count in occurrences.items():
            is_raw = len(gram) == order or not before[gram]
            self.counts[gram[:-1]][gram[-1]] = count if is_raw else len(before[gram])
        self.discounts = [self.discount(length) for length in range(order)]

    def discount(self, length: int) -> list[float]:
        contexts = [seen for context, seen in self.counts.items() if len(context) == length]
        n = Counter(count for seen in contexts for count in seen.values())
        if all(n[count] for count in (1, 2, 3, 4)):
            y = n[1] / (n[1] + 2 * n[2])
            discounts = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
            if all(0 < discounts[i] <= i + 1 for i in range(3)):
                return [0.0, *discounts]
        return [0.0, 0.5, 1.0, 1.5]

    def probability(self, context: Gram, symbol: int) -> float:
        shorter = self.probability(context[1:], symbol) if context else 1 / self.vocabulary_size
        seen = self.counts.get(context)
        if not seen:
            return shorter
        discounts = self.discounts[len(context)]
        freed = sum(discounts[min(count, 3)] for count in seen.values())
        count = seen.get(symbol, 0)
        return (count - discounts[min(count, 3)] + freed * shorter) / sum(seen.values())

    def nats(self, document: Ids, order: int) -> list[float]:
        text = (0, *document.tolist(), 0)
        return [
            -math.log(self.probability(text[max(t - order + 1, 0) : t], text[t]))
            for t in range(1, len(text))
        ]


def random_documents(seed: int, documents: int, symbols: int, largest: int) -> list[Ids]:
    """Return documents of 0 to 30 symbols, made of words with frequencies after Zipf."""
    rng = np.random.default_rng(seed)
    odds = 1 / np.arange(1, symbols + 1)
    names = np.concatenate([[1], rng.choice(np.arange(2, largest), symbols - 1, replace=False)])
    words = [rng.choice(names, rng.integers(1, 6), p=odds / odds.sum()) for _ in range(4 * symbols)]
    empty = np.array([], dtype=np.int64)
    lengths = rng.integers(0, 7, documents)
    return [
        np.concatenate([empty, *(words[i] for i in rng.integers(0, len(words), length))])
        for length in lengths
    ]


@pytest.mark.parametrize("order", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("documents", "symbols", "vocabulary_size"),
    [(300, 12, 20), (2000, 30, 60), (200, 400, 50_000), (1, 4, 6)],
)
def test_nats_are_those_of_the_slow_model(
    order: int, documents: int, symbols: int, vocabulary_size: int
) -> None:
    """With 50,000 symbols, an n-gram of six written out would need 94 bits."""
    texts = random_documents(documents, documents + 40, symbols, vocabulary_size)
    training, test = texts[:documents], texts[documents:]
    oracle = Oracle(training, vocabulary_size, order)
    expected = [oracle.nats(document, order) for document in test]
    targets = Targets.from_documents(test)
    nats_N = surprisals(Targets.from_documents(training), targets, vocabulary_size, order)
    assert nats_N == pytest.approx(sum(expected, []), rel=1e-11)
    sums = np.add.reduceat(nats_N, targets.starts_D)
    assert sums == pytest.approx([math.fsum(nats) for nats in expected], rel=1e-11)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_probabilities_of_all_symbols_sum_to_one(order: int) -> None:
    vocabulary_size = 25
    texts = random_documents(7, 530, 12, vocabulary_size)
    training = Targets.from_documents(texts[:500])
    for document in texts[500:]:
        for length in range(min(len(document), 9) + 1):
            context = document[:length]
            continuations = [np.append(context, symbol) for symbol in range(1, vocabulary_size)]
            targets = Targets.from_documents([context, *continuations])
            nats_N = surprisals(training, targets, vocabulary_size, order)
            probabilities = np.exp(-nats_N[targets.starts_D + length])
            assert probabilities.min() > 0
            assert math.fsum(probabilities) == pytest.approx(1, rel=1e-12)


def test_training_documents_may_be_empty() -> None:
    """The boundary has half of the probability at each length; the rest is uniform."""
    empty = np.array([], dtype=np.int64)
    nats_N = surprisals(
        Targets.from_documents([empty]), Targets.from_documents([empty, np.array([3])]), 4
    )
    assert np.exp(-nats_N) == pytest.approx(
        [0.5 + 0.5 * (0.5 + 0.5 / 4), 0.5 * 0.5 / 4, 0.5 + 0.5 / 4]
    )


def test_discounts_are_those_of_the_published_formula() -> None:
    """n1 to n4 are 8, 4, 2 and 1, so Y = 1/2, and the discounts are 0.5, 1.25 and 2."""
    counts = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 5])
    assert ngram.kneser_ney_discounts(counts).tolist() == [0, 0.5, 1.25, 2.0]
