"""Small in-memory datasets, without a store on disk."""

from collections.abc import Sequence

import numpy as np

from charloom.data.dataset import Dataset
from charloom.data.selection import Selection
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
) -> Dataset:
    """Return a dataset of texts, in the ids of ``known`` or of their own vocabulary."""
    known = known or vocabulary(texts)
    ids = [known.encode(text) for text in texts]
    offsets = np.cumsum([0, *map(len, ids)])
    label_ids = np.array(labels if labels is not None else [-1] * len(texts), dtype=np.int32)
    return Dataset(
        ids=np.concatenate(ids).astype(np.uint16),
        offsets=offsets,
        selection=Selection.from_range(0, len(texts)),
        ids_begin=0,
        ids_end=int(offsets[-1]),
        label_ids=label_ids,
        label_lookup=np.array([*range(label_ids.max() + 1), -1], dtype=np.int32),
        level="char",
        symbols=known.symbols,
        id_lookup=np.arange(len(known)),
        widths=np.ones(len(known), dtype=np.int64),
        counts=np.bincount(np.concatenate(ids), minlength=len(known)),
        max_length=max(map(len, texts)),
    )
