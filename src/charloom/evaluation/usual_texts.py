"""What the texts of a held-out part take: the calibration of a model.

Axes: N targets of all texts, D texts.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.evaluation.calibration import LEAST_TEXTS, Calibration
from charloom.evaluation.reader import Reader
from charloom.text.mapping import SCATTERED
from charloom.text.part import Part
from charloom.text.vocabulary import EOS, Vocabulary

MOST_SYMBOLS: Final = 100_000
"""A limit to what is read; the texts are taken from all over the part."""
_MOST_DOCUMENTS: Final = 4000

Ids = NDArray[np.int64]


def calibrate(reader: Reader, vocabulary: Vocabulary, part: Part) -> Calibration | None:
    """Return what lines of ``part`` take, None if there are too few.

    A document of several lines counts as these, for lines are what is scored.
    """
    texts = list(_lines(vocabulary, part))
    if len(texts) < LEAST_TEXTS:
        return None
    step = max(1, sum(len(ids) for ids, _ in texts) // MOST_SYMBOLS)
    texts = texts[::step]
    targets_N = np.concatenate([piece for ids, _ in texts for piece in (ids, [EOS])])
    ends_D = np.cumsum([len(ids) + 1 for ids, _ in texts])
    found = reader.read(targets_N, ends_D, np.full(len(texts), -1))
    begins_D = np.concatenate([[0], ends_D[:-1]])
    nats_D = np.add.reduceat(found.nats_N, begins_D, dtype=np.float64)
    characters_D = np.array([characters + 1.0 for _, characters in texts])
    return Calibration.fit(units.bits(1.0) * nats_D, characters_D)


def _lines(vocabulary: Vocabulary, part: Part) -> Iterator[tuple[Ids, int]]:
    """Yield ids and characters of the lines that are not empty."""
    feed = vocabulary.ids.get("<0x0A>" if vocabulary.level == "byte" else "\n", -1)
    chosen = np.unique(np.linspace(0, len(part) - 1, _MOST_DOCUMENTS).astype(int))
    for number, index in enumerate(chosen.tolist(), 1):
        ids, widths = part.document(index), part.characters(index)
        feeds = np.flatnonzero(ids == feed)
        for own, wide in zip(np.split(ids, feeds), np.split(widths, feeds), strict=True):
            first = int(len(own) > 0 and own[0] == feed)
            if len(own) > first:
                yield own[first:], int(wide[first:].sum())
        if number % SCATTERED == 0 or number == len(chosen):
            part.release()
