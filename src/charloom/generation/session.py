"""A text that a person and a network write together, with undo.

The session keeps one snapshot of text and network state per edit, so undo reads nothing again.

Axes: V symbols.
"""

import copy
import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.byte_automaton import quote
from charloom.generation.decode_loop import ChooseDecoder, DecoderState, PromptState
from charloom.generation.detokenizer import IncrementalDetokenizer, StopKind
from charloom.generation.logits_processor import ProcessorState
from charloom.generation.sampling import Truncation, sampling_weights
from charloom.network.engine import Ids
from charloom.network.exact import Floats
from charloom.settings.limits import MAX_SEED
from charloom.text.vocabulary import EOS, Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """A symbol that may come next."""

    index: int
    """Its id; that of the boundary ends the text."""
    symbol: str
    """As in the vocabulary: the boundary is ``<eos>``, a byte may be ``<0xC3>``."""
    probability: float
    """Its probability of being sampled, with all settings applied."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Snapshot:
    """The text after an edit. A snapshot is never changed, only replaced."""

    state: DecoderState
    detokenizer: IncrementalDetokenizer
    pieces: int
    """Pieces of committed text, prompt included."""
    stopped: StopKind | None = None
    sampled: bool = False
    """Whether the network sampled the symbols of the edit."""


class Session:
    """A text that grows edit by edit, with undo.

    The settings are those of ``Generator.generate``. ``generate`` from the start returns the same
    text: the symbol at position t after the prompt is sampled with the uniform of (seed, t),
    whether the symbols before it were sampled, chosen or typed. Undoing an edit that sampled adds 1
    to the seed, so that the next text differs; undoing other edits does not.

    Typed text is treated as a prompt: a stop string that includes typed symbols does not end the
    text. Typed symbols count in ``length`` and ``min_length``.
    """

    def __init__(
        self, choose_decoder: ChooseDecoder, vocabulary: Vocabulary, start: PromptState
    ) -> None:
        self._choose_decoder = choose_decoder
        self._vocabulary = vocabulary
        self._settings = start.settings
        self._processor = start.processor
        self._seed = start.settings.seed
        self._pieces = [start.prompt]
        self._snapshots = [
            _Snapshot(
                state=DecoderState.from_prompt(start, [start.settings.seed]),
                detokenizer=self._new_detokenizer(),
                pieces=1,
            )
        ]

    @property
    def text(self) -> str:
        """The text so far, prompt included; an unfinished character is U+FFFD in it."""
        return self.committed + self.pending

    @property
    def committed(self) -> str:
        """The text so far without ``pending``."""
        return "".join(self._pieces[: self._current.pieces])

    @property
    def pending(self) -> str:
        """The end that may still change: the beginning of a stop string or of a character."""
        return copy.deepcopy(self._current.detokenizer).finish()

    @property
    def stopped(self) -> StopKind | None:
        """The reason for the end of the text; None if it has not ended."""
        return self._current.stopped

    def choices(self, n: int) -> list[Choice]:
        """Return the ``n`` most probable next symbols, or all that are possible if fewer.

        The most probable comes first; ties go to the lower id. At temperature 0 the probabilities
        are those of temperature 1. The list is empty after the end of the text.
        """
        if self.stopped is not None:
            return []
        logits_V, weights_V = self._next_weights()
        # In the order of the logits: at temperatures near 0 many weights are equal.
        order = np.argsort(-logits_V, kind="stable")
        possible = order[weights_V[order] > 0][:n]
        probabilities_V = weights_V / weights_V.sum()
        symbols = self._vocabulary.symbols
        return [
            Choice(index=index, symbol=symbols[index], probability=float(probabilities_V[index]))
            for index in possible.tolist()
        ]

    def choose(self, index: int) -> None:
        """Add a possible next symbol by its id; raises SettingsError after the end."""
        self._check_not_ended()
        assert self._next_weights()[1][index] > 0, "this symbol may not come next"
        state, ids_1 = self._read_last(), np.array([index])
        processor_state = state.processor_state
        if index != EOS:
            processor_state = self._processor.advance(ids_1, processor_state)
        state = dataclasses.replace(
            state,
            last_ids_B=ids_1,
            processor_state=processor_state,
            position=state.position + 1,
        )
        self._commit(*self._after(index, state, sampled=False))

    def type(self, text: str) -> None:
        """Add a person's text, already cleaned; unknown symbols are read as ``<unk>``.

        Raises SettingsError, and changes nothing, after the end, for more symbols than the length
        allows, and for text that no match, or no text without forbidden strings, continues with.
        """
        self._check_not_ended()
        ids = self._vocabulary.encode(text)
        if not len(ids):
            return
        state, left = self._current.state, self._left
        if len(ids) > left:
            raise SettingsError(
                f"{len(ids)} symbols were typed, and the length of {self._settings.length} leaves "
                f"room for {left}; type fewer, or begin again with a larger length."
            )
        processor_state = self._advance_typed(ids, text)
        unread = ids if state.last_ids_B is None else np.concatenate([state.last_ids_B, ids])
        decoder = self._choose_decoder(len(unread))
        logits_1V, network_state = decoder.prefill(unread, state.network_state)
        snapshot = _Snapshot(
            state=DecoderState(
                network_state=network_state,
                logits_BV=logits_1V,
                seeds_B=state.seeds_B,
                processor_state=processor_state,
                position=state.position + len(ids),
            ),
            detokenizer=self._new_detokenizer(),
            pieces=self._current.pieces + 1,
            stopped="length" if len(ids) == left else None,
        )
        self._commit(snapshot, self.pending + text)

    def undo(self, edits: int = 1) -> int:
        """Undo the last edits, or all if there are fewer; return their number.

        One call of ``generate`` is one edit.
        """
        first = max(1, len(self._snapshots) - edits)
        undone = self._snapshots[first:]
        del self._snapshots[first:]
        if any(snapshot.sampled for snapshot in undone):
            self._seed = (self._seed + 1) % (MAX_SEED + 1)
        return len(undone)

    def generate(self, symbols: int | None = None) -> Iterator[str]:
        """Sample to the end of the text, or a number of symbols; yield the committed text.

        Symbols are sampled as the iterator is consumed. Exhaust or drop it before another edit.
        """
        steps = self._left if symbols is None else min(symbols, self._left)
        decoder = self._choose_decoder(steps)
        for number in range(steps):
            if self.stopped is not None:
                break
            seeds_1 = np.array([self._seed], np.uint64)
            state = dataclasses.replace(self._current.state, seeds_B=seeds_1)
            decoded = decoder.decode(state, 1, self._processor)
            index = int(decoded.ids_BT[0, 0])
            snapshot, piece = self._after(index, decoded.state, sampled=True)
            self._commit(snapshot, piece, same_edit=number > 0)
            if piece:
                yield piece

    @property
    def _current(self) -> _Snapshot:
        return self._snapshots[-1]

    @property
    def _left(self) -> int:
        """Symbols that the length still allows."""
        return self._settings.length - self._current.state.position

    def _new_detokenizer(self) -> IncrementalDetokenizer:
        return IncrementalDetokenizer(self._vocabulary.level, self._settings.stop)

    def _check_not_ended(self) -> None:
        if self.stopped is not None:
            raise SettingsError("the text has ended, nothing can be added; undo a step first.")

    def _read_last(self) -> DecoderState:
        """Return the current state, with logits that follow the last symbol."""
        state = self._current.state
        if state.last_ids_B is not None:
            decoder = self._choose_decoder(1)
            logits_1V, network_state = decoder.step(state.last_ids_B, state.network_state)
            state = dataclasses.replace(
                state, logits_BV=logits_1V, network_state=network_state, last_ids_B=None
            )
            self._snapshots[-1] = dataclasses.replace(self._current, state=state)
        return state

    def _next_weights(self) -> tuple[Floats, NDArray[np.float64]]:
        """Return processed logits and weights of the next symbol, (V,) each."""
        state, truncation = self._read_last(), self._processor.truncation
        if truncation.temperature == 0:
            truncation = Truncation()
        logits_1V = self._processor.process(state.logits_BV, state.position, state.processor_state)
        return logits_1V[0], np.asarray(sampling_weights(logits_1V, truncation)[0], np.float64)

    def _advance_typed(self, ids: Ids, text: str) -> ProcessorState:
        """Return the processor's state after typed text.

        Raises SettingsError if no allowed text continues with it.
        """
        automaton = self._processor.automaton
        processor_state = self._processor.read(text, ids, self._current.state.processor_state)
        if automaton is not None:
            state, left = processor_state.automaton_B[0], self._left - len(ids)
            missing = self._processor.min_length - (self._settings.length - left)
            if state < 0 or not automaton.can_end(state, missing, left):
                raise SettingsError(
                    f"{quote(text)} cannot be typed here: no {self._allowed_texts()} continues "
                    f"with it within the length of {self._settings.length} symbols; type something "
                    "else, or undo."
                )
        return processor_state

    def _allowed_texts(self) -> str:
        """Return which texts the automaton allows, for a message."""
        match = self._settings.match
        texts = "text" if match is None else f"match of {quote(match)}"
        return f"{texts} without a forbidden string" if self._settings.forbid else texts

    def _after(self, index: int, state: DecoderState, *, sampled: bool) -> tuple[_Snapshot, str]:
        """Return the snapshot after one more symbol, and the text that it commits.

        ``state`` is the one after the symbol.
        """
        detokenizer, piece = copy.deepcopy(self._current.detokenizer), ""
        stopped: StopKind | None = None
        if index == EOS:
            stopped = "eos"
        else:
            piece, _ = detokenizer.push([self._vocabulary.symbols[index]])
            if detokenizer.stopped:
                stopped = "stop"
            elif state.position == self._settings.length:
                stopped = "length"
        if stopped is not None:
            piece += detokenizer.finish()
        snapshot = _Snapshot(
            state=state,
            detokenizer=detokenizer,
            pieces=self._current.pieces + 1,
            stopped=stopped,
            sampled=sampled,
        )
        return snapshot, piece

    def _commit(self, snapshot: _Snapshot, piece: str, *, same_edit: bool = False) -> None:
        """Append the snapshot, or replace the current one if it belongs to the same edit.

        An interrupt between the two lines leaves the text as it was before.
        """
        self._pieces[snapshot.pieces - 1 :] = [piece]
        self._snapshots[len(self._snapshots) - same_edit :] = [snapshot]
