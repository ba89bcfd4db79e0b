"""What others need for the same text: figures that a network's stands beside.

Each predictor knows the training documents and the vocabulary; the compressors know the training
text. All pay for the boundary after each document, which counts as one character, and all are
deterministic.

Axes: N targets, D documents, V symbols.
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
"""What stands after each document in a text that is packed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Documents:
    """Documents in both guises, in the same order; either is read once."""

    ids: Iterable[NDArray[np.integer[Any]]]
    """Of each document the ids of its symbols, without boundaries."""
    texts: Iterable[str]

    @classmethod
    def from_texts(cls, texts: Callable[[], Iterable[str]], vocabulary: Vocabulary) -> Self:
        """Return the documents that ``texts`` gives anew each time it is called."""
        return cls(ids=map(vocabulary.encode, texts()), texts=texts())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baselines:
    """How surprising a body of text was to others, in nats: sums over all symbols and boundaries.

    Symbols that the vocabulary lacks were scored as ``<unk>`` by the first three; the compressors
    paid for the text itself.
    """

    characters: int
    """Code points of the documents, and one for the boundary of each."""
    uniform: float
    """To one who takes every symbol for equally likely."""
    unigram: float
    """To one who knows how frequent each symbol is."""
    ngram: float
    """To an n-gram model of order 6."""
    xz: float
    zstd: float

    @property
    def bits_per_character(self) -> dict[str, float]:
        """Bits per character of the original text, by the name of each baseline."""
        return {
            name: units.bits_per_character(nats, self.characters)
            for name, nats in dataclasses.asdict(self).items()
            if name != "characters"
        }

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {"characters": self.characters, "bits_per_character": self.bits_per_character}


def measure_baselines(training: Documents, test: Documents, vocabulary_size: int) -> Baselines:
    """Return what others need for ``test``; raises CorpusError if either part has no documents."""
    training_targets, test_targets = (
        Targets.from_documents(training.ids),
        Targets.from_documents(test.ids),
    )
    for name, targets in (("train on", training_targets), ("evaluate", test_targets)):
        if not len(targets.ids_N):
            raise CorpusError(f"there is no document to {name}; give at least one line of text.")
    text = concatenate(test.texts)
    training_bytes, test_bytes = concatenate(training.texts).encode(), text.encode()
    return Baselines(
        characters=len(text),
        uniform=uniform_nats(test_targets, vocabulary_size),
        unigram=unigram_nats(training_targets, test_targets, vocabulary_size),
        ngram=math.fsum(ngram.surprisals(training_targets, test_targets, vocabulary_size)),
        xz=xz_bits(training_bytes, test_bytes) * units.NATS_PER_BIT,
        zstd=zstd_bits(training_bytes, test_bytes) * units.NATS_PER_BIT,
    )


def concatenate(texts: Iterable[str]) -> str:
    """Return documents as one text, with a line feed for each boundary."""
    return "".join(text + BOUNDARY for text in texts)


def uniform_nats(test: Targets, vocabulary_size: int) -> float:
    """Return the nats of all targets if each of the symbols is equally likely."""
    return len(test.ids_N) * math.log(vocabulary_size)


def unigram_nats(training: Targets, test: Targets, vocabulary_size: int) -> float:
    """Return the nats of all targets if only the frequency of symbols is known.

    A symbol seen c times among N has (c + 1/2) / (N + V/2), so those never seen have a chance too:
    Krichevsky & Trofimov, "The Performance of Universal Encoding" (1981).
    """
    counts_V = np.bincount(training.ids_N, minlength=vocabulary_size) + 0.5
    nats_V = math.log(counts_V.sum()) - np.log(counts_V)
    return float(np.bincount(test.ids_N, minlength=vocabulary_size) @ nats_V)
