"""How surprising documents are to a model, in nats: the whole document with its boundary, exactly.

Axes: T steps, B documents of a batch, longest first, V symbols.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.generation.generator import label_id
from charloom.generation.reference import Network
from charloom.generation.sampling import surprisal
from charloom.text.sources import Document
from charloom.text.vocabulary import EOS, UNK, Vocabulary

Ids = NDArray[np.int64]

BATCH = 64
"""Documents that are scored side by side."""
GROUP_DOCUMENTS = 16 * BATCH
"""Documents that are looked at together to put those of like length into one batch ..."""
GROUP_CHARACTERS = 1_000_000
"""... but no more once they hold this many characters, which bounds memory."""
WINDOW = 256
"""Steps whose targets are laid out at once, so that one long document does not widen all others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score:
    """How surprising one document was."""

    nats: float
    """Sum over the document's symbols and the boundary that ends it."""
    symbols: int
    """Symbols of the document, and the boundary."""
    characters: int
    """Code points of the document, and one for the boundary."""
    unknown: int
    """Symbols that the vocabulary lacks; each was scored as ``<unk>``."""

    @property
    def bits(self) -> float:
        """``nats`` in bits."""
        return units.bits(self.nats)

    @property
    def bits_per_character(self) -> float:
        """Bits per character of the original text."""
        return units.bits_per_character(self.nats, self.characters)


class Scorer:
    """Scores documents, many at a time."""

    def __init__(
        self, network: Network, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
    ) -> None:
        self._network = network
        self._vocabulary = vocabulary
        self._labels = labels

    def score(self, documents: Iterable[Document]) -> Iterator[Score]:
        """Yield the score of each document, in order; documents are read as they are needed.

        Texts are taken as they are: cleaning is done before. Raises LabelError for a label that the
        model does not know.
        """
        for group in _groups(documents):
            yield from self._score_group(group)

    def _score_group(self, group: Sequence[Document]) -> list[Score]:
        ids = [self._vocabulary.encode(document.text) for document in group]
        labels = np.array([label_id(document.label, self._labels) for document in group])
        nats = np.zeros(len(group))
        order = np.array(sorted(range(len(group)), key=lambda index: -len(ids[index])))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            nats[batch] = self._nats([ids[index] for index in batch], labels[batch])
        return [
            Score(
                nats=float(nats[index]),
                symbols=len(ids[index]) + 1,
                characters=len(document.text) + 1,
                unknown=int(np.count_nonzero(ids[index] == UNK)),
            )
            for index, document in enumerate(group)
        ]

    def _nats(self, batch: Sequence[Ids], labels_B: Ids) -> NDArray[np.float64]:
        """Return the nats of each document, (B,); the longest comes first.

        Documents that have ended leave at the end of the batch, so nothing is ever padded.
        """
        lengths_B = np.array([len(ids) + 1 for ids in batch])
        nats_B = np.zeros(len(batch))
        state = self._network.start(labels_B)
        inputs_B = np.full(len(batch), EOS)
        for first in range(0, lengths_B[0], WINDOW):
            targets_TB = _window(batch, first, min(WINDOW, lengths_B[0] - first))
            for step, targets_B in enumerate(targets_TB, start=first):
                going = int(np.count_nonzero(lengths_B > step))
                if going < len(inputs_B):
                    inputs_B, state = inputs_B[:going], state.take(slice(going))
                logits_BV, state = self._network.step(inputs_B, state)
                inputs_B = targets_B[:going]
                nats_B[:going] += surprisal(logits_BV, inputs_B)
        return nats_B


def _groups(documents: Iterable[Document]) -> Iterator[list[Document]]:
    group: list[Document] = []
    characters = 0
    for document in documents:
        group.append(document)
        characters += len(document.text)
        if len(group) == GROUP_DOCUMENTS or characters >= GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _window(batch: Sequence[Ids], first: int, steps: int) -> Ids:
    """Return the targets of some steps, (T, B): symbols, then the boundary."""
    targets_TB = np.full((steps, len(batch)), EOS)
    for column, ids in enumerate(batch):
        part = ids[first : first + steps]
        targets_TB[: len(part), column] = part
    return targets_TB
