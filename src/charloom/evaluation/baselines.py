"""Bits per character that simple models and compressors need for the same text.

The models know the training documents and the vocabulary; the compressors know the training text.
All predict the boundary after each document, which counts as one character. All are deterministic.

Axes: N targets, V symbols.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import CorpusError
from charloom.evaluation import ngram
from charloom.evaluation.compressors import xz_bits, zstd_bits
from charloom.evaluation.targets import Targets
from charloom.text.vocabulary import Vocabulary

BOUNDARY = "\n"
"""Written after each document in a text for the compressors."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Documents:
    """The same documents as ids and as texts; each iterable is read once."""

    ids: Iterable[NDArray[np.integer[Any]]]
    """Ids of the symbols of each document, without boundaries."""
    texts: Iterable[str]

    @classmethod
    def from_texts(cls, texts: Callable[[], Iterable[str]], vocabulary: Vocabulary) -> Self:
        """Encode documents; each call of ``texts`` returns all of them."""
        return cls(ids=map(vocabulary.encode, texts()), texts=texts())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baselines:
    """Nats of a text under each baseline: sums over all symbols and boundaries.

    The first three score a symbol that is not in the vocabulary as ``<unk>``. The compressors
    encode the text itself.
    """

    characters: int
    """Code points of the documents, plus one for the boundary of each."""
    uniform: float
    """All symbols are equally likely."""
    unigram: float
    """Each symbol has its frequency in the training documents."""
    ngram: float
    """An n-gram model of order 6."""
    xz: float
    zstd: float

    @property
    def bits_per_character(self) -> dict[str, float]:
        """Bits per character of the original text, by the name of the baseline."""
        return {
            name: units.bits_per_character(nats, self.characters)
            for name, nats in dataclasses.asdict(self).items()
            if name != "characters"
        }

    def to_json(self) -> dict[str, Any]:
        """Return the bits per character and their denominator as a JSON object."""
        return {"characters": self.characters, "bits_per_character": self.bits_per_character}


def measure_baselines(training: Documents, test: Documents, vocabulary_size: int) -> Baselines:
    """Measure all baselines on ``test``; raises CorpusError if either has no document."""
    training_targets = Targets.from_documents(training.ids)
    test_targets = Targets.from_documents(test.ids)
    for purpose, targets in (("train on", training_targets), ("evaluate", test_targets)):
        if not len(targets.ids_N):
            raise CorpusError(f"there is no document to {purpose}; give at least one line of text.")
    test_text = concatenate(test.texts)
    training_bytes, test_bytes = concatenate(training.texts).encode(), test_text.encode()
    return Baselines(
        characters=len(test_text),
        uniform=uniform_nats(test_targets, vocabulary_size),
        unigram=unigram_nats(training_targets, test_targets, vocabulary_size),
        ngram=math.fsum(ngram.surprisals(training_targets, test_targets, vocabulary_size)),
        xz=xz_bits(training_bytes, test_bytes) * units.NATS_PER_BIT,
        zstd=zstd_bits(training_bytes, test_bytes) * units.NATS_PER_BIT,
    )


def concatenate(texts: Iterable[str]) -> str:
    """Return documents as one text, with a line feed for the boundary after each."""
    return "".join(text + BOUNDARY for text in texts)


def uniform_nats(test: Targets, vocabulary_size: int) -> float:
    """Return the nats of all targets if all symbols are equally likely."""
    return len(test.ids_N) * math.log(vocabulary_size)


def unigram_nats(training: Targets, test: Targets, vocabulary_size: int) -> float:
    """Return the nats of all targets under the symbol frequencies in training.

    A symbol with c of N occurrences has the probability (c + 1/2) / (N + V/2), which is not zero
    for symbols without occurrences. Source: Krichevsky & Trofimov, "The Performance of Universal
    Encoding" (IEEE Transactions on Information Theory 27(2), 1981).
    """
    counts_V = np.bincount(training.ids_N, minlength=vocabulary_size) + 0.5
    nats_V = math.log(counts_V.sum()) - np.log(counts_V)
    return float(np.bincount(test.ids_N, minlength=vocabulary_size) @ nats_V)
