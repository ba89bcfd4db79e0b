"""Score documents: nats of a whole document, including the boundary that ends it.

Axes: N targets of a block (symbols and one boundary for each document), D documents, C labels.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.evaluation.mixture_scorer import MixtureScorer
from charloom.evaluation.symbol_scorer import StreamState, SymbolScorer
from charloom.generation.generator import label_id
from charloom.text.documents import Block, Document, to_blocks
from charloom.text.vocabulary import EOS, UNK, Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score:
    """Nats and counts of one document."""

    nats: float
    """Sum over the document's symbols and the boundary that ends it."""
    symbols: int
    """Symbols of the document, plus one for the boundary."""
    characters: int
    """Code points of the document, plus one for the boundary."""
    unknown: int
    """Symbols that are not in the vocabulary; each was scored as ``<unk>``."""

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
    """A block of documents with the scores of its symbols."""

    block: Block
    targets_N: NDArray[np.int64]
    """Ids of the symbols to predict, EOS after each document."""
    nats_N: NDArray[np.float32]
    """Negative log-likelihood of each target."""
    correct_N: NDArray[np.bool_]
    """Whether the target was the most probable symbol."""
    ends_D: NDArray[np.int64]
    """Index after the last target of each document."""

    @property
    def bits_D(self) -> NDArray[np.float64]:
        """Bits of each document."""
        return units.bits(self.sum_by_document(self.nats_N))

    @property
    def characters_D(self) -> NDArray[np.int64]:
        """Characters of each document, plus one for the boundary unless it is unfinished."""
        characters_D = self.block.lengths + 1
        characters_D[-1] -= self.block.unfinished
        return characters_D

    def sum_by_document(self, values_N: NDArray[np.generic]) -> NDArray[np.float64]:
        """Sum ``values_N`` over each document, (D,)."""
        starts_D = np.concatenate([[0], self.ends_D[:-1]])
        sums: NDArray[np.float64] = np.add.reduceat(values_N, starts_D, dtype=np.float64)
        return sums

    def scores(self) -> Iterator[Score]:
        """Yield the score of each document. The block must have no unfinished document."""
        for nats, symbols, characters, unknown in zip(
            self.sum_by_document(self.nats_N).tolist(),
            np.diff(self.ends_D, prepend=0).tolist(),
            self.characters_D.tolist(),
            self.sum_by_document(self.targets_N == UNK).tolist(),
            strict=True,
        ):
            yield Score(nats=nats, symbols=symbols, characters=characters, unknown=int(unknown))


class Scorer:
    """Scores documents with one model, in blocks and on all processors."""

    def __init__(
        self,
        symbol_scorer: SymbolScorer | MixtureScorer,
        vocabulary: Vocabulary,
        labels: tuple[str, ...] = (),
    ) -> None:
        self._symbol_scorer = symbol_scorer
        self.vocabulary = vocabulary
        self.labels = labels

    def score(self, documents: Iterable[Document]) -> Iterator[Score]:
        """Yield the score of each document, in order; at most one block is read ahead.

        Texts are not cleaned here. Raises LabelError for a label that the model does not know.
        """
        for scored in self.score_blocks(to_blocks(documents)):
            yield from scored.scores()

    def score_blocks(
        self, blocks: Iterable[Block], state: StreamState | None = None
    ) -> Iterator[ScoredBlock]:
        """Yield each block with its scores; raises LabelError as ``score`` does.

        A document may continue in the next block (``Block.unfinished``). The first one continues
        from ``state``.
        """
        for block in blocks:
            targets_N, ends_D = self._encode(block)
            surprisals = self._symbol_scorer.surprisals(
                targets_N, ends_D, self._label_ids(block), state, unfinished=block.unfinished
            )
            state = surprisals.state
            yield ScoredBlock(
                block=block,
                targets_N=targets_N,
                nats_N=surprisals.nats_N,
                correct_N=surprisals.correct_N,
                ends_D=ends_D,
            )

    def classify(self, scored: ScoredBlock) -> list[str]:
        """Return the label under which each document is most probable.

        Of ties, the first label is returned. The prior probability of all labels is the same. The
        block must have no unfinished document.
        """
        nats_CD = self._label_nats(scored)
        return [self.labels[label] for label in np.argmin(nats_CD, axis=0).tolist()]

    def label_probabilities(self, scored: ScoredBlock) -> list[dict[str, float]]:
        """Return the probability of each label for each document, by Bayes' rule.

        The prior probability of all labels is the same; ``classify`` returns the most probable.
        """
        nats_CD = self._label_nats(scored)
        odds_CD = np.exp(nats_CD.min(axis=0) - nats_CD)
        chances_DC = (odds_CD / odds_CD.sum(axis=0)).T
        return [dict(zip(self.labels, row, strict=True)) for row in chances_DC.tolist()]

    def _label_nats(self, scored: ScoredBlock) -> NDArray[np.float64]:
        """Return the nats of each document under each label, (C, D)."""
        return np.stack(
            [
                scored.sum_by_document(self._nats_with_label(label, scored))
                for label in range(len(self.labels))
            ]
        )

    def _nats_with_label(self, label: int, scored: ScoredBlock) -> NDArray[np.float32]:
        """Return the nats of each target, (N,), if all documents have the same label."""
        labels_D = np.full(len(scored.ends_D), label)
        return self._symbol_scorer.surprisals(scored.targets_N, scored.ends_D, labels_D).nats_N

    def _encode(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the targets, (N,), and the index after the last one of each document."""
        ids, lengths_D = self.vocabulary.encode_block(block)
        ends_D = np.cumsum(lengths_D + 1)
        targets_N = np.full(len(ids) + len(ends_D), EOS)
        is_symbol_N = np.ones(len(targets_N), dtype=bool)
        is_symbol_N[ends_D - 1] = False
        targets_N[is_symbol_N] = ids
        if block.unfinished:
            ends_D[-1] -= 1
            targets_N = targets_N[:-1]
        return targets_N, ends_D

    def _label_ids(self, block: Block) -> NDArray[np.int64]:
        labels: Sequence[str | None] = block.labels or ()
        if not labels:
            return np.full(len(block.lengths), -1)
        ids = {label: label_id(label, self.labels) for label in dict.fromkeys(labels)}
        return np.array([ids[label] for label in labels])
