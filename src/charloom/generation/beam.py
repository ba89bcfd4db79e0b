"""Beam search: the most probable texts. Axes: B hypotheses side by side, V symbols, N candidates.

The score of a text is the sum over its symbols of the log probability under the model itself
(temperature 1, nothing masked) and the bias. Texts are ranked by their score divided by a power of
the number of symbols, boundary included: the length penalty of common libraries. Wu et al. 2016
(section 7) take the power of (5 + symbols) / 6 instead. Of texts that rank alike the one of fewer
symbols comes first, then the one whose first different symbol has the lower id.

All that decides is arithmetic that is the same everywhere (arithmetic/exact.py), so the texts are
too.
"""

import copy
import dataclasses
import heapq
from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.decode_loop import PromptState, compiled, step
from charloom.generation.detokenizer import GeneratedText, IncrementalDetokenizer, PartialText
from charloom.generation.novelty import NoveltyFilter
from charloom.network.engine import Engine
from charloom.network.exact import Floats, exp
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS, Vocabulary
from charloom.units import NATS_PER_BIT

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]

LOG_SERIES_TERMS = 10
"""Terms of a series for the logarithm: those left out are less than 1e-16 of it."""


def beam_search(
    engine: Engine,
    vocabulary: Vocabulary,
    start: PromptState,
    settings: SamplingSettings,
    n: int,
    novelty_filter: NoveltyFilter | None,
) -> Iterator[GeneratedText]:
    """Yield the ``n`` best texts that a beam of ``settings.beam`` finds, the best first.

    Each comes as soon as nothing that still grows can be better. No text comes twice, though
    different symbols may spell it. The sieve looks at one text after another, the best first, until
    ``n`` have passed; if all that were found come to fewer, those are all. Raises SettingsError if
    ``n`` is more than the beam's width.
    """
    assert settings.beam is not None
    if n > settings.beam:
        texts = "1 text" if settings.beam == 1 else f"{settings.beam} texts"
        raise SettingsError(
            f"n is {n}, but a beam of {settings.beam} holds {texts}; "
            "widen the beam, or ask for fewer."
        )
    seen: set[str] = set()
    for text in _Search(engine, vocabulary, start, settings).texts():
        if text.text in seen:
            continue
        seen.add(text.text)
        if novelty_filter is None or novelty_filter.admit(text.text):
            yield text
            n -= 1
            if n == 0:
                return


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Added:
    """What was added at one position to the hypotheses that went on."""

    parents_B: Ids
    """The row of each one's beginning among the hypotheses of the position before."""
    ids_B: Ids
    nats_B: Doubles


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class _Ended:
    """A hypothesis that has ended; the best is the least."""

    loss: Decimal
    symbols: int
    place: int
    """Where its last symbol stands among the candidates of its position."""
    nats: float = dataclasses.field(compare=False)
    """Those of its last symbol."""


class _Losses:
    """What texts are ranked by, turned round: the less, the better.

    Decimal numbers, whose powers are the same everywhere and do not overflow.
    """

    def __init__(self, settings: SamplingSettings) -> None:
        self._decimals = Context(prec=28, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
        penalty = settings.length_penalty
        self._penalty = Decimal(1 if penalty is None else penalty)
        self._divisors: dict[int, Decimal] = {}

    def of(self, score: float, symbols: int) -> Decimal:
        """Return the loss of a text of some score and number of symbols."""
        if symbols not in self._divisors:
            self._divisors[symbols] = self._decimals.power(symbols, self._penalty)
        return self._decimals.divide(Decimal(-score), self._divisors[symbols])


class _Search:
    """One beam search.

    Hypotheses stand in the order of their ids. So do the candidates, each a hypothesis and one more
    symbol: candidate ``row * V + id`` is ``id`` after hypothesis ``row``.
    """

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, start: PromptState, settings: SamplingSettings
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._start = start
        self._settings = settings
        self._steering = start.processor
        self._width = settings.beam or 1
        self._losses = _Losses(settings)
        self._logits_BV, self._state = start.logits_1V, start.state
        self._memory = start.processor.initial_state
        self._scores_B = np.zeros(1)
        self._pieces = [IncrementalDetokenizer(vocabulary.level, settings.stop)]
        """The text of each hypothesis, so far as a stop string may come of it; or else unused."""
        self._added: list[_Added] = []
        self._symbols = 0
        """Symbols that were read."""

    def texts(self) -> Iterator[GeneratedText]:
        """Yield the texts that ended, the best first, each once none that grows can be better."""
        pool: list[_Ended] = []
        while len(self._scores_B):
            for ended in self._extend():
                heapq.heappush(pool, ended)
            # What is no better than a text that has ended comes after it, since it is longer.
            least = self._least_loss()
            while pool and pool[0].loss <= least:
                yield self._text(heapq.heappop(pool))

    def _extend(self) -> list[_Ended]:
        """Add a symbol to the hypotheses; return those that end with it.

        From the best candidate down: as many go on as the beam is wide, and what ends on the way
        down takes no room from them.
        """
        if self._added:
            self._read(self._added[-1])
        norms_B = _log_sum(self._logits_BV)
        adjusted_BV = self._steering.process(self._logits_BV, len(self._added), self._memory)
        scores_BV = self._scores_B[:, None] + (adjusted_BV - norms_B[:, None])
        ended: list[int] = []
        going: dict[int, IncrementalDetokenizer] = {}
        for place in _descending(scores_BV.ravel(), 2 * self._width):
            pieces = self._spell(place)
            if pieces is None:
                ended.append(place)
            else:
                going[place] = pieces
            if len(going) == self._width:
                break
        if len(self._added) + 1 == self._steering.max_length:
            ended, going = [*ended, *going], {}
        result = self._end(np.array(ended, np.int64), scores_BV, norms_B)
        places_B = np.array(sorted(going), np.int64)
        self._pieces = [going[place] for place in places_B.tolist()]
        self._go_on(places_B, scores_BV, norms_B)
        return result

    def _spell(self, place: int) -> IncrementalDetokenizer | None:
        """Return what is held of a candidate's text; None if it ends with its last symbol."""
        row, index = divmod(place, len(self._vocabulary))
        if index == EOS:
            return None
        if not self._settings.stop:
            return self._pieces[row]
        pieces = copy.deepcopy(self._pieces[row])
        pieces.push([self._vocabulary.symbols[index]])
        return None if pieces.stopped else pieces

    def _end(self, places_N: Ids, scores_BV: Doubles, norms_B: Doubles) -> list[_Ended]:
        """Return the candidates at some places as texts that have ended."""
        symbols = len(self._added) + 1
        return [
            _Ended(loss=self._losses.of(score, symbols), symbols=symbols, place=place, nats=nats)
            for place, score, nats in zip(
                places_N.tolist(),
                scores_BV.ravel()[places_N].tolist(),
                self._nats(places_N, norms_B).tolist(),
                strict=True,
            )
        ]

    def _go_on(self, places_B: Ids, scores_BV: Doubles, norms_B: Doubles) -> None:
        """Let the candidates at some places be the hypotheses; their last symbols are read later.

        So none is read in vain.
        """
        parents_B, ids_B = np.divmod(places_B, len(self._vocabulary))
        nats_B = self._nats(places_B, norms_B)
        self._added.append(_Added(parents_B=parents_B, ids_B=ids_B, nats_B=nats_B))
        self._scores_B = scores_BV[parents_B, ids_B]

    def _read(self, last: _Added) -> None:
        """Read the last symbols of all hypotheses, side by side."""
        # How long a search takes is not known before: compiled code is loaded once NumPy has worked
        # for about the time of that.
        kernels = compiled(self._engine, self._symbols)
        self._symbols += len(last.ids_B)
        state = self._state.select(last.parents_B)
        self._logits_BV, self._state = step(self._engine, last.ids_B, state, kernels)
        self._memory = self._steering.advance(last.ids_B, self._memory.take(last.parents_B))

    def _nats(self, places_N: Ids, norms_B: Doubles) -> Doubles:
        """Return the nats of the last symbols of some candidates, (N,)."""
        rows_N, ids_N = np.divmod(places_N, len(self._vocabulary))
        return np.asarray(norms_B[rows_N] - self._logits_BV[rows_N, ids_N], np.float64)

    def _least_loss(self) -> Decimal:
        """Return a loss that no text falls short of which the hypotheses may still become.

        No log probability is above 0, so without a bias above 0 the score s of a hypothesis is at
        most 0 and only falls. Whatever text of ``symbols`` symbols it becomes, -score / symbols**p
        >= -s / symbols**p >= -s / length**p. Rounding keeps the order: all sums and quotients here
        are rounded correctly. A bias above 0 could lift a score at every further symbol.
        """
        if len(self._scores_B) == 0:
            return Decimal("Infinity")
        if (self._steering.bias_V > 0).any():
            return Decimal("-Infinity")
        return self._losses.of(float(self._scores_B.max()), self._steering.max_length)

    def _text(self, ended: _Ended) -> GeneratedText:
        """Return the text of a hypothesis, followed from its end to its beginning."""
        row, index = divmod(ended.place, len(self._vocabulary))
        ids, nats = [index], [ended.nats]
        for position in range(ended.symbols - 2, -1, -1):
            added = self._added[position]
            ids.append(int(added.ids_B[row]))
            nats.append(float(added.nats_B[row]))
            row = int(added.parents_B[row])
        text = PartialText(self._settings.seed, self._vocabulary, self._settings)
        spelled = text.append(ids[::-1], np.array(nats[::-1]))
        return text.finish(self._start.prompt, spelled, self._settings.label)


def _descending(scores_N: Doubles, at_once: int) -> Iterator[int]:
    """Yield the places of all scores above minus infinity, the best first, of equals the lowest.

    They are sorted as they are asked for, ``at_once`` or more at a time.
    """
    left_N = scores_N.copy()
    while (left_N > -np.inf).any():
        last = max(len(left_N) - at_once, 0)
        # All that equal the last one are in, so which of them come first is not left to chance.
        places_N = np.flatnonzero((left_N >= np.partition(left_N, last)[last]) & (left_N > -np.inf))
        yield from places_N[np.argsort(-left_N[places_N], kind="stable")].tolist()
        left_N[places_N] = -np.inf


def _log_sum(logits_BV: Floats) -> Doubles:
    """Return the logarithm of the sum of each row's exponentials, (B,), at least its maximum."""
    best_B1 = logits_BV.max(axis=1, keepdims=True)
    total_B = np.cumsum(exp(logits_BV - best_B1), axis=1, dtype=np.float64)[:, -1]
    return np.asarray(best_B1[:, 0] + _log(total_B), np.float64)


def _log(x_B: Doubles) -> Doubles:
    """Return the logarithm of numbers of at least 1, made of operations that are alike everywhere.

    For x = m * 2**e it is e * log(2) + 2 artanh((m - 1) / (m + 1)), and artanh(f) is the series f +
    f**3 / 3 + f**5 / 5 ... (Abramowitz and Stegun 1964, 4.1.27). With m between sqrt(1/2) and
    sqrt(2) f**2 is below 0.03.
    """
    m_B, e_B = np.frexp(x_B)
    half_B = m_B * m_B < 0.5
    m_B, e_B = np.where(half_B, 2 * m_B, m_B), e_B - half_B
    f_B = (m_B - 1) / (m_B + 1)
    series_B = np.zeros_like(f_B)
    for k in reversed(range(LOG_SERIES_TERMS)):
        series_B = series_B * (f_B * f_B) + 1 / (2 * k + 1)
    return np.asarray(e_B * NATS_PER_BIT + 2 * f_B * series_B, np.float64)
