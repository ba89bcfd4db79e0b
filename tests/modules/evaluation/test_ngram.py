"""The n-gram model beside a slow one, which has dicts of tuples and the formulae as printed.

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
    """Modified Kneser-Ney, n-gram by n-gram."""

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
            whole = len(gram) == order or not before[gram]
            self.counts[gram[:-1]][gram[-1]] = count if whole else len(before[gram])
        self.discounts = [self.discount(length) for length in range(order)]

    def discount(self, length: int) -> list[float]:
        contexts = [seen for context, seen in self.counts.items() if len(context) == length]
        n = Counter(count for seen in contexts for count in seen.values())
        if all(n[count] for count in (1, 2, 3, 4)):
            y = n[1] / (n[1] + 2 * n[2])
            taken = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
            if all(0 < taken[i] <= i + 1 for i in range(3)):
                return [0.0, *taken]
        return [0.0, 0.5, 1.0, 1.5]

    def chance(self, context: Gram, symbol: int) -> float:
        shorter = self.chance(context[1:], symbol) if context else 1 / self.vocabulary_size
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
            -math.log(self.chance(text[max(place - order + 1, 0) : place], text[place]))
            for place in range(1, len(text))
        ]


def some(seed: int, documents: int, symbols: int, largest: int) -> list[Ids]:
    """Return documents of 0 to 30 symbols, some frequent and some rare, which often repeat."""
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
def test_every_document_as_the_slow_model_says(
    order: int, documents: int, symbols: int, vocabulary_size: int
) -> None:
    """Six symbols of 50,000 would take 94 bits."""
    texts = some(documents, documents + 40, symbols, vocabulary_size)
    training, test = texts[:documents], texts[documents:]
    oracle = Oracle(training, vocabulary_size, order)
    expected = [oracle.nats(document, order) for document in test]
    targets = Targets.from_documents(test)
    nats_N = surprisals(Targets.from_documents(training), targets, vocabulary_size, order)
    assert nats_N == pytest.approx(sum(expected, []), rel=1e-11)
    sums = np.add.reduceat(nats_N, targets.starts_D)
    assert sums == pytest.approx([math.fsum(nats) for nats in expected], rel=1e-11)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_chances_of_all_symbols_sum_to_one(order: int) -> None:
    vocabulary_size = 25
    texts = some(7, 530, 12, vocabulary_size)
    training = Targets.from_documents(texts[:500])
    for document in texts[500:]:
        for length in range(min(len(document), 9) + 1):
            context = document[:length]
            ways = [np.append(context, symbol) for symbol in range(1, vocabulary_size)]
            targets = Targets.from_documents([context, *ways])
            nats_N = surprisals(training, targets, vocabulary_size, order)
            chances = np.exp(-nats_N[targets.starts_D + length])
            assert chances.min() > 0
            assert math.fsum(chances) == pytest.approx(1, rel=1e-12)


def test_training_texts_without_any_symbol() -> None:
    """One boundary after another: half of it is left to the uniform choice, twice."""
    empty = np.array([], dtype=np.int64)
    nats_N = surprisals(
        Targets.from_documents([empty]), Targets.from_documents([empty, np.array([3])]), 4
    )
    assert np.exp(-nats_N) == pytest.approx(
        [0.5 + 0.5 * (0.5 + 0.5 / 4), 0.5 * 0.5 / 4, 0.5 + 0.5 / 4]
    )


def test_discounts_as_published() -> None:
    """With n1 to n4 = 8, 4, 2, 1 is Y = 1/2, and every discount half its count."""
    counts = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 5])
    assert ngram.kneser_ney_discounts(counts).tolist() == [0, 0.5, 1.25, 2.0]
