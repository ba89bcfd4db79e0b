"""How surprising documents are to a model, in nats: the whole document with its boundary.

Axes: N targets of a block, a boundary for each document among them; D documents, C labels.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.evaluation.symbol_scorer import StreamState, SymbolScorer
from charloom.generation.generator import label_id
from charloom.text.documents import Block, Document, to_blocks
from charloom.text.vocabulary import EOS, UNK, Vocabulary


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredBlock:
    """What was found of a block of documents."""

    block: Block
    targets_N: NDArray[np.int64]
    """The symbols that were to be told, as ids, EOS after each document."""
    nats_N: NDArray[np.float32]
    """How surprising each was."""
    correct_N: NDArray[np.bool_]
    """Whether it was the most probable symbol."""
    ends_D: NDArray[np.int64]
    """Where the targets of each document end."""

    @property
    def characters_D(self) -> NDArray[np.int64]:
        """Characters of each document, and one for the boundary; none for one that goes on."""
        characters_D = self.block.lengths + 1
        characters_D[-1] -= self.block.unfinished
        return characters_D

    def sum_by_document(self, values_N: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum over each document, (D,)."""
        begins_D = np.concatenate([[0], self.ends_D[:-1]])
        sums: NDArray[np.float64] = np.add.reduceat(values_N, begins_D, dtype=np.float64)
        return sums

    def scores(self) -> Iterator[Score]:
        """Yield the score of each document; none may go on in another block."""
        nats_D, unknown_D = (
            self.sum_by_document(self.nats_N),
            self.sum_by_document(self.targets_N == UNK),
        )
        symbols_D = np.diff(self.ends_D, prepend=0)
        for nats, symbols, characters, unknown in zip(
            nats_D.tolist(),
            symbols_D.tolist(),
            self.characters_D.tolist(),
            unknown_D.tolist(),
            strict=True,
        ):
            yield Score(nats=nats, symbols=symbols, characters=characters, unknown=int(unknown))


class Scorer:
    """Scores documents, many at a time, on all cores."""

    def __init__(
        self, symbol_scorer: SymbolScorer, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
    ) -> None:
        self._symbol_scorer = symbol_scorer
        self.vocabulary = vocabulary
        self.labels = labels

    def score(self, documents: Iterable[Document]) -> Iterator[Score]:
        """Yield the score of each document, in order; documents are read as they are needed.

        Texts are taken as they are: cleaning is done before. Raises LabelError for a label that the
        model does not know.
        """
        for scored in self.score_blocks(to_blocks(documents)):
            yield from scored.scores()

    def score_blocks(self, blocks: Iterable[Block]) -> Iterator[ScoredBlock]:
        """Yield what was found of each block; raises LabelError as ``score`` does."""
        carried: StreamState | None = None
        for block in blocks:
            targets_N, ends_D = self._encode(block)
            found = self._symbol_scorer.surprisals(
                targets_N, ends_D, self._label_ids(block), carried, unfinished=block.unfinished
            )
            carried = found.state
            yield ScoredBlock(
                block=block,
                targets_N=targets_N,
                nats_N=found.nats_N,
                correct_N=found.correct_N,
                ends_D=ends_D,
            )

    def classify(self, scored: ScoredBlock) -> list[str]:
        """Return the label under which each document is most probable; the first one of equals.

        All labels are held to be equally frequent. Documents must not go on in another block.
        """
        nats_CD = [
            scored.sum_by_document(self._nats_with_label(label, scored))
            for label in range(len(self.labels))
        ]
        return [self.labels[label] for label in np.argmin(nats_CD, axis=0).tolist()]

    def _nats_with_label(self, label: int, scored: ScoredBlock) -> NDArray[np.float32]:
        """Return the nats of each symbol when all documents have one label."""
        labels_D = np.full(len(scored.ends_D), label)
        return self._symbol_scorer.surprisals(scored.targets_N, scored.ends_D, labels_D).nats_N

    def _encode(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of a block, EOS after each document, and where each document ends."""
        ids, lengths_D = self.vocabulary.encode_block(block)
        ends_D = np.cumsum(lengths_D + 1)
        targets_N = np.full(len(ids) + len(ends_D), EOS)
        inside_N = np.ones(len(targets_N), dtype=bool)
        inside_N[ends_D - 1] = False
        targets_N[inside_N] = ids
        if block.unfinished:
            ends_D[-1] -= 1
            targets_N = targets_N[:-1]
        return targets_N, ends_D

    def _label_ids(self, block: Block) -> NDArray[np.int64]:
        labels: Sequence[str | None] = block.labels or ()
        if not labels:
            return np.full(len(block.lengths), -1)
        known = {label: label_id(label, self.labels) for label in dict.fromkeys(labels)}
        return np.array([known[label] for label in labels])
