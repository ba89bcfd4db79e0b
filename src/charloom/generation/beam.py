"""Beam search for the most probable texts.

The score of a text is the sum of the log probabilities of its symbols under the model itself
(temperature 1, nothing masked) and of their biases. Texts are ranked by their score divided by a
power of the number of symbols, boundary included: the length penalty of common libraries. Wu et al.
2016 (https://arxiv.org/abs/1609.08144, section 7) use the power of (5 + symbols) / 6 instead. Of
texts with equal rank, the one with fewer symbols comes first, then the one whose first different
symbol has the lower id.

All comparisons use arithmetic that is the same on every machine (network/exact.py,
beam_scores.py), so the texts are too.

Axes: B hypotheses, V symbols, N candidates. Candidate ``row * V + id`` is symbol ``id`` after
hypothesis ``row``; hypotheses and candidates are in the order of their ids.
"""

import copy
import dataclasses
import heapq
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.beam_scores import LengthPenalty, best_first, log_sum_exp
from charloom.generation.decode_loop import ChooseDecoder, PromptState
from charloom.generation.detokenizer import GeneratedText, IncrementalDetokenizer, PartialText
from charloom.generation.text_filter import TextFilter
from charloom.network.exact import Doubles
from charloom.text.vocabulary import EOS, Vocabulary

Ids = NDArray[np.int64]


def beam_search(
    choose_decoder: ChooseDecoder,
    vocabulary: Vocabulary,
    start: PromptState,
    n: int,
    text_filter: TextFilter | None,
) -> Iterator[GeneratedText]:
    """Yield the ``n`` best texts that a beam of the settings' width finds, best first.

    A text is yielded as soon as no unfinished hypothesis can become better, and only once, even if
    several sequences of symbols spell it. The novelty filter examines the texts in the same order.
    There are fewer than ``n`` texts if the search ends before. Raises SettingsError if ``n`` is
    more than the width of the beam.
    """
    width = start.settings.beam
    assert width is not None
    if n > width:
        texts = "1 text" if width == 1 else f"{width} texts"
        raise SettingsError(
            f"n is {n}, but a beam of {width} holds {texts}; widen the beam, or ask for fewer."
        )
    seen: set[str] = set()
    for text in _BeamSearch(choose_decoder, vocabulary, start, width).texts():
        if text.text in seen:
            continue
        seen.add(text.text)
        if text_filter is None or text_filter.admit(text.text):
            yield text
            n -= 1
            if n == 0:
                return


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Extension:
    """The symbols that one position adds to the hypotheses that continue."""

    parents_B: Ids
    """The row, at the position before, of the hypothesis that each one extends."""
    ids_B: Ids
    nats_B: Doubles
    """Surprisals of the symbols."""


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class _EndedHypothesis:
    """A hypothesis that has ended. The smallest is the best."""

    loss: Decimal
    symbols: int
    candidate: int
    """Its index among the candidates of its last position."""
    last_nats: float = dataclasses.field(compare=False)
    """Surprisal of its last symbol, in nats."""


class _BeamSearch:
    """The state of one search: the hypotheses of the beam, and their symbols so far."""

    def __init__(
        self,
        choose_decoder: ChooseDecoder,
        vocabulary: Vocabulary,
        start: PromptState,
        width: int,
    ) -> None:
        self._choose_decoder = choose_decoder
        self._vocabulary = vocabulary
        self._start = start
        self._settings = start.settings
        self._processor = start.processor
        self._width = width
        penalty = start.settings.length_penalty
        self._length_penalty = LengthPenalty(1 if penalty is None else penalty)
        self._logits_BV, self._network_state = start.logits_1V, start.network_state
        self._processor_state = start.processor.initial_state
        self._scores_B = np.zeros(1)
        self._detokenizers = [IncrementalDetokenizer(vocabulary.level, start.settings.stop)]
        """One per hypothesis, to find stop strings; not advanced without stop strings."""
        self._extensions: list[_Extension] = []
        self._symbols_read = 0

    def texts(self) -> Iterator[GeneratedText]:
        """Yield the ended texts, best first, as soon as no hypothesis can become better."""
        heap: list[_EndedHypothesis] = []
        while len(self._scores_B):
            for ended in self._extend():
                heapq.heappush(heap, ended)
            # A text of equal loss that ends later ranks lower, since it is longer.
            bound = self._loss_bound()
            while heap and heap[0].loss <= bound:
                yield self._text(heapq.heappop(heap))

    def _extend(self) -> list[_EndedHypothesis]:
        """Add a symbol to the hypotheses; return those that end with it.

        Candidates are visited from the best one down until the beam is full of hypotheses that
        continue. Those that end do not count toward the width of the beam.
        """
        if self._extensions:
            self._read(self._extensions[-1])
        norms_B = log_sum_exp(self._logits_BV)
        processed_BV = self._processor.process(
            self._logits_BV, len(self._extensions), self._processor_state
        )
        scores_BV = self._scores_B[:, None] + (processed_BV - norms_B[:, None])
        ended: list[int] = []
        continued: dict[int, IncrementalDetokenizer] = {}
        for candidate in best_first(scores_BV.ravel(), 2 * self._width):
            detokenizer = self._push(candidate)
            if detokenizer is None:
                ended.append(candidate)
            else:
                continued[candidate] = detokenizer
            if len(continued) == self._width:
                break
        if len(self._extensions) + 1 == self._processor.max_length:
            ended, continued = [*ended, *continued], {}
        result = self._end(np.array(ended, np.int64), scores_BV, norms_B)
        candidates_B = np.array(sorted(continued), np.int64)
        self._detokenizers = [continued[candidate] for candidate in candidates_B.tolist()]
        self._continue(candidates_B, scores_BV, norms_B)
        return result

    def _push(self, candidate: int) -> IncrementalDetokenizer | None:
        """Return the detokenizer after a candidate's symbol; None if it ends the text."""
        row, index = divmod(candidate, len(self._vocabulary))
        if index == EOS:
            return None
        if not self._settings.stop:
            return self._detokenizers[row]
        detokenizer = copy.deepcopy(self._detokenizers[row])
        detokenizer.push([self._vocabulary.symbols[index]])
        return None if detokenizer.stopped else detokenizer

    def _end(
        self, candidates_N: Ids, scores_BV: Doubles, norms_B: Doubles
    ) -> list[_EndedHypothesis]:
        symbols = len(self._extensions) + 1
        return [
            _EndedHypothesis(
                loss=self._length_penalty.loss(score, symbols),
                symbols=symbols,
                candidate=candidate,
                last_nats=nats,
            )
            for candidate, score, nats in zip(
                candidates_N.tolist(),
                scores_BV.ravel()[candidates_N].tolist(),
                self._nats(candidates_N, norms_B).tolist(),
                strict=True,
            )
        ]

    def _continue(self, candidates_B: Ids, scores_BV: Doubles, norms_B: Doubles) -> None:
        """Replace the hypotheses by some candidates, whose symbols are not read yet.

        ``_extend`` reads them, so that the last symbols of the search are never read.
        """
        parents_B, ids_B = np.divmod(candidates_B, len(self._vocabulary))
        nats_B = self._nats(candidates_B, norms_B)
        self._extensions.append(_Extension(parents_B=parents_B, ids_B=ids_B, nats_B=nats_B))
        self._scores_B = scores_BV[parents_B, ids_B]

    def _read(self, last: _Extension) -> None:
        """Read the last symbols of all hypotheses in one step."""
        # The length of a search is not known in advance. So the compiled code is loaded once NumPy
        # has worked for about as long as loading takes.
        decoder = self._choose_decoder(self._symbols_read)
        self._symbols_read += len(last.ids_B)
        state = self._network_state.select(last.parents_B)
        self._logits_BV, self._network_state = decoder.step(last.ids_B, state)
        self._processor_state = self._processor.advance(
            last.ids_B, self._processor_state.select(last.parents_B)
        )

    def _nats(self, candidates_N: Ids, norms_B: Doubles) -> Doubles:
        """Return the surprisal of the last symbol of each candidate, (N,), in nats."""
        rows_N, ids_N = np.divmod(candidates_N, len(self._vocabulary))
        return np.asarray(norms_B[rows_N] - self._logits_BV[rows_N, ids_N], np.float64)

    def _loss_bound(self) -> Decimal:
        """Return a lower bound on the loss of every text that the hypotheses can become.

        No log probability is above 0, so without a positive bias the score s of a hypothesis is at
        most 0 and never rises. For any text of ``symbols`` symbols, -score / symbols**p >= -s /
        symbols**p >= -s / length**p. Rounding keeps this order: all sums and quotients here are
        correctly rounded. A positive bias could raise a score at every symbol, so there is no
        bound.
        """
        if len(self._scores_B) == 0:
            return Decimal("Infinity")
        if (self._processor.bias_V > 0).any():
            return Decimal("-Infinity")
        best = float(self._scores_B.max())
        return self._length_penalty.loss(best, self._processor.max_length)

    def _text(self, ended: _EndedHypothesis) -> GeneratedText:
        """Return the text of a hypothesis, collected from its last symbol to its first."""
        row, index = divmod(ended.candidate, len(self._vocabulary))
        ids, nats = [index], [ended.last_nats]
        for position in range(ended.symbols - 2, -1, -1):
            extension = self._extensions[position]
            ids.append(int(extension.ids_B[row]))
            nats.append(float(extension.nats_B[row]))
            row = int(extension.parents_B[row])
        text = PartialText(self._settings.seed, self._vocabulary, self._settings)
        added = text.append(ids[::-1], np.array(nats[::-1]))
        return text.finish(self._start.prompt, added)
