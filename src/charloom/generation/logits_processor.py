"""Changes to logits before sampling: repetition penalty, bias and masks.

They apply in this order; sampling.py applies temperature, top-k, top-p and min-p afterwards.
The penalty is that of CTRL (Keskar et al. 2019, https://arxiv.org/abs/1909.05858), applied to
symbols that repeat a passage: positive logits are divided by it, others multiplied.

Axes: B sequences, V symbols, W recent symbols, P passages of the recent symbols.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.forbidden_strings import ForbiddenStrings, Lengths
from charloom.generation.regex_constraint import UNREACHABLE, RegexConstraint, SymbolAutomaton
from charloom.generation.sampling import Truncation
from charloom.network.exact import ONE, Floats
from charloom.settings import REPETITION_WINDOW, SamplingSettings
from charloom.text.vocabulary import EOS, UNK, Vocabulary

Ids = NDArray[np.int64]

DEFAULT_WORD_SPAN, DEFAULT_SPAN = 1, 8
"""Default length of a repeated passage: one word, or eight symbols at the other levels."""
MAX_MAGNITUDE = 1e30
"""Bias and penalty are clamped to this, and the penalty also to its inverse, so that logits stay
finite."""
MAX_LENGTH = 2**62
"""Lengths are clamped to this, since the kernels count in 64 bits."""
NO_SYMBOL = -1
"""Fills the recent symbols before the first one; no id equals it."""


@dataclasses.dataclass(kw_only=True)
class ProcessorState:
    """The state of a ``LogitsProcessor`` for each sequence of a batch."""

    automaton_B: Ids
    """State of the automaton; 0 without one, -1 if nothing can follow."""
    recent_BW: Ids
    """The recent symbols, newest last, padded with ``NO_SYMBOL``; W is 0 without a repetition
    penalty."""

    def select(self, rows: slice | NDArray[np.integer[Any]]) -> "ProcessorState":
        """Return the state of some of the sequences, in the given order."""
        return ProcessorState(automaton_B=self.automaton_B[rows], recent_BW=self.recent_BW[rows])


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogitsProcessor:
    """The sampling options of the texts of one prompt, ready for the decode loop."""

    truncation: Truncation
    """Not applied by ``process``, but by ``sampling.sample``."""
    bias_V: Floats
    """Added to each logit; minus infinity forbids a symbol."""
    max_length: int
    """Symbols to generate at most; a match must be complete by then."""
    min_length: int = 0
    """Symbols to generate before the boundary is allowed."""
    repetition_penalty: np.float32 = ONE
    repetition_span: int = 1
    """Symbols of a repeated passage."""
    automaton: SymbolAutomaton | None = None
    """Allows only symbols with which a match, or a text without forbidden strings, can continue."""
    forbidden: ForbiddenStrings | None = None
    """The forbidden strings of ``automaton``, to read typed text."""
    initial_state: ProcessorState
    """The state before the first symbol, B is 1."""

    def process(self, logits_BV: Floats, position: int, state: ProcessorState) -> Floats:
        """Return the logits to sample from, (B, V); those of forbidden symbols are -inf.

        ``position`` is the number of symbols after the prompt so far.
        """
        processed_BV = logits_BV
        if state.recent_BW.shape[1]:
            repeated_BV = find_repetitions(
                state.recent_BW, self.repetition_span, logits_BV.shape[1]
            )
            penalty = self.repetition_penalty
            penalized_BV = np.where(logits_BV > 0, logits_BV / penalty, logits_BV * penalty)
            processed_BV = np.where(repeated_BV, penalized_BV, logits_BV)
        processed_BV = processed_BV + self.bias_V
        if self.automaton is not None:
            allowed_BV = self.automaton.allowed_mask(
                state.automaton_B,
                position=position,
                min_length=self.min_length,
                max_length=self.max_length,
            )
            return np.where(allowed_BV, processed_BV, np.float32(-np.inf))
        if position < self.min_length:
            processed_BV[:, EOS] = -np.inf
        return processed_BV

    def advance(self, ids_B: Ids, state: ProcessorState) -> ProcessorState:
        """Return the state after one more symbol; undefined after the boundary."""
        automaton_B, recent_BW = state.automaton_B, state.recent_BW
        if self.automaton is not None:
            automaton_B = self.automaton.next_states(automaton_B, ids_B).astype(np.int64)
        if recent_BW.shape[1]:
            recent_BW = np.concatenate([recent_BW[:, 1:], ids_B[:, None]], axis=1)
        return ProcessorState(automaton_B=automaton_B, recent_BW=recent_BW)

    def read(
        self, text: str, ids_T: NDArray[np.integer[Any]], state: ProcessorState
    ) -> ProcessorState:
        """Return the state of one sequence after typed text, whose symbols are ``ids_T``.

        Unlike generated text, it may hold ``<unk>`` and symbols that a bias forbids.
        """
        if self.automaton is None:
            after = 0
        elif self.forbidden is None:
            after = _follow(self.automaton.next_QV, int(state.automaton_B[0]), ids_T)
        else:
            states = self.forbidden.states
            match, forbidden = divmod(int(state.automaton_B[0]), states)
            match = _follow(self.automaton.next_QV, match, ids_T)
            forbidden = self.forbidden.walk(forbidden, text)
            after = -1 if min(match, forbidden) < 0 else match * states + forbidden
        recent_BW = np.concatenate([state.recent_BW, ids_T[None]], axis=1)
        window = state.recent_BW.shape[1]
        return ProcessorState(
            automaton_B=np.array([after]), recent_BW=recent_BW[:, recent_BW.shape[1] - window :]
        )


def _follow(next_QV: NDArray[np.int32], state: int, ids_T: NDArray[np.integer[Any]]) -> int:
    """Return the state after some symbols, -1 as soon as there is none."""
    for index in ids_T.tolist():
        if state >= 0:
            state = int(next_QV[state, index])
    return state


def find_repetitions(recent_BW: Ids, span: int, symbols: int) -> NDArray[np.bool_]:
    """Return which symbols, (B, V), would repeat a passage of ``span`` recent symbols.

    A symbol repeats a passage if the last ``span - 1`` symbols and this one occur in a row among
    the recent symbols.
    """
    window = recent_BW.shape[1]
    same_BP = np.ones((len(recent_BW), window - span + 1), np.bool_)
    # Passage p ends with the symbol at p + span - 1; its other symbols must equal the newest ones.
    # No id equals NO_SYMBOL, so no symbol repeats a passage that contains it.
    for k in range(span - 1):
        newest_B1 = recent_BW[:, window - span + 1 + k, None]
        same_BP &= recent_BW[:, k : k + same_BP.shape[1]] == newest_B1
    result_BV = np.zeros((len(recent_BW), symbols), np.bool_)
    rows, passages = np.nonzero(same_BP)
    ends = recent_BW[rows, passages + span - 1]
    result_BV[rows[ends >= 0], ends[ends >= 0]] = True
    return result_BV


def build_bias(vocabulary: Vocabulary, bias: Mapping[str, float]) -> Floats:
    """Return the bias of each logit, (V,), with ``<unk>`` forbidden.

    Raises SettingsError for a symbol that the vocabulary lacks, and if every symbol is forbidden.
    """
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


CompileForbidden = Callable[[SamplingSettings], ForbiddenStrings]
"""Returns the strings that some settings forbid, which have at least one."""


def build_logits_processor(
    settings: SamplingSettings,
    vocabulary: Vocabulary,
    prompt: str,
    compile_regex: Callable[[str], RegexConstraint],
    compile_forbidden: CompileForbidden | None = None,
) -> LogitsProcessor:
    """Return the processor for texts that begin with ``prompt``.

    ``compile_regex`` is called with the pattern of ``match``, and ``compile_forbidden`` with the
    settings if they have ``forbid``. Raises SettingsError for a bias or a pattern that is not
    valid, for a prompt that holds a forbidden string, and if no text can be generated.
    """
    bias_V = build_bias(vocabulary, settings.bias)
    _check_min_length(settings.min_length, bias_V)
    never_ends = bool(np.isneginf(bias_V[EOS]))
    masks_match = settings.match is not None and not settings.matches_by_trial
    has_automaton = masks_match or bool(settings.forbid)
    longest = min(settings.length, UNREACHABLE - 1 if has_automaton else MAX_LENGTH)
    # A text without an end has the largest length.
    has_largest = never_ends and bool(settings.forbid)
    lengths = Lengths(
        allowed_V=~np.isneginf(bias_V),
        min=longest if has_largest else min(settings.min_length, longest),
        max=longest,
    )
    automaton, forbidden, start = None, None, 0
    if masks_match:
        if never_ends:
            raise SettingsError(
                "match and a bias of -inf for '<eos>' contradict each other: "
                "a match could not end; leave one of them out."
            )
        automaton = compile_regex(settings.match or "").build_automaton(
            prompt,
            allowed_V=lengths.allowed_V,
            min_length=settings.min_length,
            max_length=settings.length,
        )
    if settings.forbid:
        assert compile_forbidden is not None
        forbidden = compile_forbidden(settings)
        pattern = settings.match if masks_match else None
        automaton, start = forbidden.build_automaton(prompt, lengths, automaton, pattern)
    penalty = settings.repetition_penalty or 1
    return LogitsProcessor(
        truncation=Truncation.from_settings(settings, len(vocabulary)),
        bias_V=bias_V,
        max_length=lengths.max,
        min_length=lengths.min,
        repetition_penalty=np.float32(min(max(penalty, 1 / MAX_MAGNITUDE), MAX_MAGNITUDE)),
        repetition_span=settings.repetition_span or _default_span(vocabulary),
        automaton=automaton,
        forbidden=forbidden,
        initial_state=ProcessorState(
            automaton_B=np.array([start]),
            recent_BW=_recent_ids(vocabulary, prompt, settings)[None],
        ),
    )


def _check_min_length(min_length: int, bias_V: Floats) -> None:
    if min_length and np.isneginf(np.delete(bias_V, EOS)).all():
        raise SettingsError(
            "every symbol but '<eos>' is forbidden by a bias, and min-length "
            f"{min_length} asks for others; allow at least one, or leave min-length out."
        )


def _default_span(vocabulary: Vocabulary) -> int:
    has_words = vocabulary.level in ("word", "closed-word")
    return DEFAULT_WORD_SPAN if has_words else DEFAULT_SPAN


def _recent_ids(vocabulary: Vocabulary, prompt: str, settings: SamplingSettings) -> Ids:
    """Return the last symbols of a prompt, (W,); W is 0 without a repetition penalty."""
    if settings.repetition_penalty is None:
        return np.empty(0, np.int64)
    recent_W = np.full(REPETITION_WINDOW, NO_SYMBOL)
    ids = vocabulary.encode(prompt)[-REPETITION_WINDOW:]
    recent_W[len(recent_W) - len(ids) :] = ids
    return recent_W
