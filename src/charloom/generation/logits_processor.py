"""What changes the choice of the next symbol before it is drawn: penalty, bias and masks.

They are applied to the logits in this order; sampling.py does the rest (temperature, top-k, top-p,
min-p). Axes: B streams, V symbols, W the last symbols, Q states of the automaton.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.regex_constraint import UNREACHABLE, RegexConstraint, SymbolAutomaton
from charloom.generation.sampling import Truncation
from charloom.network.exact import ONE, Floats
from charloom.settings import REPETITION_WINDOW, SamplingSettings
from charloom.text.vocabulary import EOS, UNK, Vocabulary

Ids = NDArray[np.int64]

DEFAULT_WORD_SPAN, DEFAULT_SPAN = 1, 8
"""Symbols that make a repetition, if not given: of words one, of anything else eight."""
MAX_MAGNITUDE = 1e30
"""A bias or penalty beyond it, or below its inverse, acts as that: logits stay finite."""
MAX_LENGTH = 2**62
"""A length beyond it acts as that: kernels count in 64 bits."""
NO_SYMBOL = -1
"""Stands before the first symbol among those that repetitions are looked for."""


@dataclasses.dataclass(kw_only=True)
class ProcessorState:
    """What steering knows of each stream."""

    automaton_B: Ids
    """State of the automaton; 0 without one."""
    recent_BW: Ids
    """The last symbols, the newest at the end, ``NOTHING`` before the first; W is 0 without a
    repetition penalty."""

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> "ProcessorState":
        """Return what is known of some of the streams, in the order asked for."""
        return ProcessorState(automaton_B=self.automaton_B[rows], recent_BW=self.recent_BW[rows])


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogitsProcessor:
    """How symbols are chosen, made ready for one prompt."""

    truncation: Truncation
    bias_V: Floats
    """What is added to each logit; minus infinity for what is never chosen."""
    max_length: int
    """The largest number of symbols; of a match, it must be whole by then."""
    min_length: int = 0
    """Symbols that must stand before the boundary may come."""
    repetition_penalty: np.float32 = ONE
    repetition_span: int = 1
    automaton: SymbolAutomaton | None = None
    initial_state: ProcessorState
    """What is known of a stream that is about to draw its first symbol, B is 1."""

    def process(self, logits_BV: Floats, position: int, memory: ProcessorState) -> Floats:
        """Return the logits to choose from at a position; those that may not be are -inf."""
        adjusted_BV = logits_BV
        if memory.recent_BW.shape[1]:
            repeated_BV = mask_repetitions(
                memory.recent_BW, self.repetition_span, logits_BV.shape[1]
            )
            pressed_BV = np.where(
                logits_BV > 0,
                logits_BV / self.repetition_penalty,
                logits_BV * self.repetition_penalty,
            )
            adjusted_BV = np.where(repeated_BV, pressed_BV, logits_BV)
        adjusted_BV = adjusted_BV + self.bias_V
        if self.automaton is not None:
            allowed_BV = self.automaton.allowed_mask(
                memory.automaton_B, drawn=position, minimum=self.min_length, length=self.max_length
            )
            return np.where(allowed_BV, adjusted_BV, np.float32(-np.inf))
        if position < self.min_length:
            adjusted_BV[:, EOS] = -np.inf
        return adjusted_BV

    def advance(self, ids_B: Ids, memory: ProcessorState) -> ProcessorState:
        """Return what is known once ``ids_B`` were chosen; that of texts that end counts not."""
        automaton_B, recent_BW = memory.automaton_B, memory.recent_BW
        if self.automaton is not None:
            automaton_B = self.automaton.next_QV[automaton_B, ids_B].astype(np.int64)
        if recent_BW.shape[1]:
            recent_BW = np.concatenate([recent_BW[:, 1:], ids_B[:, None]], axis=1)
        return ProcessorState(automaton_B=automaton_B, recent_BW=recent_BW)


def mask_repetitions(recent_BW: Ids, span: int, symbols: int) -> NDArray[np.bool_]:
    """Return which symbols, (B, V), would end a passage of ``span`` that stands in the last W."""
    window = recent_BW.shape[1]
    same_BP = np.ones((len(recent_BW), window - span + 1), np.bool_)
    # Passage p ends with the symbol at p + span - 1; what stands before it must be what stands at
    # the end now. With NOTHING among that, no symbol ends a passage like it.
    for k in range(span - 1):
        now_B1 = recent_BW[:, window - span + 1 + k, None]
        same_BP &= recent_BW[:, k : k + same_BP.shape[1]] == now_B1
    result_BV = np.zeros((len(recent_BW), symbols), np.bool_)
    rows, places = np.nonzero(same_BP)
    ends = recent_BW[rows, places + span - 1]
    result_BV[rows[ends >= 0], ends[ends >= 0]] = True
    return result_BV


def build_bias(vocabulary: Vocabulary, bias: Mapping[str, float]) -> Floats:
    """Return what is added to each logit, (V,); raises SettingsError for a symbol not known."""
    result_V = np.zeros(len(vocabulary), np.float32)
    result_V[UNK] = -np.inf
    for symbol, value in bias.items():
        index = vocabulary.ids.get(symbol, EOS if symbol == "<eos>" else UNK)
        if index == UNK:
            raise SettingsError(
                f"a bias is given for {symbol!r}, which is no symbol of this model; "
                f"its level is {vocabulary.level}, and vocabulary.json has its symbols."
            )
        forbidden = value == -math.inf
        result_V[index] = -np.inf if forbidden else min(max(value, -MAX_MAGNITUDE), MAX_MAGNITUDE)
    if np.isneginf(result_V).all():
        raise SettingsError("every symbol is forbidden by a bias; allow at least one.")
    return result_V


def build_logits_processor(
    settings: SamplingSettings,
    vocabulary: Vocabulary,
    prompt: str,
    compile_regex: Callable[[str], RegexConstraint],
) -> LogitsProcessor:
    """Return how to continue ``prompt``; ``expression`` makes one of a pattern.

    Raises SettingsError for a bias or an expression that cannot be, and if no match is in reach.
    """
    bias_V = build_bias(vocabulary, settings.bias)
    if settings.min_length and np.isneginf(np.delete(bias_V, EOS)).all():
        raise SettingsError(
            "every symbol but '<eos>' is forbidden by a bias, and min-length "
            f"{settings.min_length} asks for others; allow at least one, or leave min-length out."
        )
    automaton, state = None, 0
    if settings.match is not None:
        if np.isneginf(bias_V[EOS]):
            raise SettingsError(
                "match and a bias of -inf for '<eos>' contradict each other: "
                "a match could not end; leave one of them out."
            )
        automaton, state = compile_regex(settings.match).build_automaton(
            prompt,
            allowed_V=~np.isneginf(bias_V),
            minimum=settings.min_length,
            length=settings.length,
        )
    return LogitsProcessor(
        truncation=Truncation.from_settings(settings, len(vocabulary)),
        bias_V=bias_V,
        max_length=min(settings.length, MAX_LENGTH if automaton is None else UNREACHABLE - 1),
        min_length=min(settings.min_length, MAX_LENGTH),
        repetition_penalty=np.float32(
            min(max(settings.repetition_penalty or 1, 1 / MAX_MAGNITUDE), MAX_MAGNITUDE)
        ),
        repetition_span=settings.repetition_span
        or (DEFAULT_WORD_SPAN if vocabulary.level == "word" else DEFAULT_SPAN),
        automaton=automaton,
        initial_state=ProcessorState(
            automaton_B=np.array([state]),
            recent_BW=_recent(vocabulary, prompt, settings)[None],
        ),
    )


def _recent(vocabulary: Vocabulary, prompt: str, settings: SamplingSettings) -> Ids:
    """Return the last symbols of a prompt, (W,)."""
    if settings.repetition_penalty is None:
        return np.empty(0, np.int64)
    recent_W = np.full(REPETITION_WINDOW, NO_SYMBOL)
    ids = vocabulary.encode(prompt)[-REPETITION_WINDOW:]
    recent_W[len(recent_W) - len(ids) :] = ids
    return recent_W
