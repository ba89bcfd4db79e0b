"""Small corpora made by hand, without files, for tests of what learns from them."""

from collections.abc import Sequence

import numpy as np

from charloom.text.corpus import Part
from charloom.text.vocabulary import Vocabulary


def vocabulary(texts: Sequence[str]) -> Vocabulary:
    symbols = sorted(set("".join(texts)))
    return Vocabulary.from_counts(
        level="char",
        symbols=symbols,
        counts=[sum(text.count(symbol) for text in texts) for symbol in symbols],
        min_count=1,
        documents=len(texts),
    )


def part(
    texts: Sequence[str], known: Vocabulary | None = None, labels: Sequence[int] | None = None
) -> Part:
    """Return the texts as a part, in the ids of ``known`` or of a vocabulary of their own."""
    known = known or vocabulary(texts)
    lengths = np.array([len(text) for text in texts])
    stops = np.cumsum(lengths)
    return Part(
        ids=np.concatenate([known.encode(text) for text in texts]).astype(np.uint16),
        starts=stops - lengths,
        stops=stops,
        labels=np.array(labels if labels is not None else [-1] * len(texts), dtype=np.int32),
        lookup=np.arange(len(known)),
        widths=np.ones(len(known), dtype=np.int64),
    )
