"""A text that a person writes with a network: symbols are chosen, typed, drawn, and taken back.

Axes: V symbols; S streams, of which a session is one.
"""

import copy
import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.generation.byte_automaton import quote
from charloom.generation.decode_loop import DecoderState, PromptState, compiled, decode, prefill
from charloom.generation.detokenizer import IncrementalDetokenizer, StopKind
from charloom.generation.logits_processor import ProcessorState
from charloom.generation.sampling import Truncation, sampling_weights
from charloom.network.engine import Engine, Ids
from charloom.network.exact import Floats
from charloom.settings import SamplingSettings
from charloom.settings.limits import MAX_SEED
from charloom.text.vocabulary import EOS, Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """A symbol that may come next."""

    index: int
    """Its id; that of the boundary ends the text."""
    symbol: str
    """As the vocabulary has it: the boundary is ``<eos>``, a byte may be ``<0xC3>``."""
    probability: float
    """The chance of being drawn, as the settings have it: steered, at their temperature, cut."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Point:
    """Where a text stood after a step, and all that it takes to go on; nothing in it changes."""

    stream: DecoderState
    pieces: IncrementalDetokenizer
    released: int
    """How many pieces of the text were certain."""
    stopped: StopKind | None = None
    chance: bool = False
    """Whether the step drew symbols, rather than took those of a person."""


class Session:
    """A text that grows step by step, and can go back.

    Settings mean what they mean to ``Generator.generate``: ``run`` from the start gives its text,
    and the symbol at position t after the prompt, if drawn, is drawn with the uniform of (seed, t),
    whether those before it were drawn, chosen or typed. Each time that something drawn is taken
    back, the seed goes up by one: who did not like what came wants another thing to come. What was
    chosen or typed is taken back without that.

    What a person types is like a prompt: no stop string is looked for in it, nor one that reaches
    over its ends. It counts in ``length`` and ``min_length``.
    """

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, start: PromptState, settings: SamplingSettings
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._settings = settings
        self._steering = start.processor
        self._seed = settings.seed
        self._released = [start.prompt]
        first = _Point(
            stream=DecoderState.from_prompt(start, [settings.seed]),
            pieces=self._joiner(),
            released=1,
        )
        self._points = [first]

    @property
    def text(self) -> str:
        """The text so far, prompt included; an unfinished character is U+FFFD in it."""
        return self.committed + self.pending

    @property
    def committed(self) -> str:
        """The text so far without ``held``."""
        return "".join(self._released[: self._now.released])

    @property
    def pending(self) -> str:
        """The end that may still go: the beginning of a stop string, or of a character."""
        return copy.deepcopy(self._now.pieces).finish()

    @property
    def stopped(self) -> StopKind | None:
        """What ended the text, None while it goes on."""
        return self._now.stopped

    def choices(self, n: int) -> list[Choice]:
        """Return the ``n`` likeliest next symbols, or as many as may come; none after the end.

        The likeliest comes first, of equals that of the lowest id. At temperature 0, where one
        alone is ever drawn, probabilities are those of temperature 1.
        """
        if self.stopped is not None:
            return []
        logits_V, weights_V = self._odds()
        # The order of the logits: at temperatures near 0 many weights are equally small.
        order = np.argsort(-logits_V, kind="stable")
        offered = order[weights_V[order] > 0][:n]
        chances_V = weights_V / weights_V.sum()
        symbols = self._vocabulary.symbols
        return [
            Choice(index=index, symbol=symbols[index], probability=float(chances_V[index]))
            for index in offered.tolist()
        ]

    def choose(self, index: int) -> None:
        """Add a symbol that may come next, by its id; raises SettingsError after the end."""
        self._check_going()
        assert self._odds()[1][index] > 0, "this symbol may not come next"
        stream, ids_1 = self._read(), np.array([index])
        memory = stream.processor_state
        if index != EOS:
            memory = self._steering.advance(ids_1, memory)
        position = stream.position + 1
        stream = dataclasses.replace(
            stream, last_ids_B=ids_1, processor_state=memory, position=position
        )
        self._put(self._after(index, stream))

    def type(self, text: str) -> None:
        """Add a person's text, which is clean already; symbols not known are read as ``<unk>``.

        Raises SettingsError after the end, for more symbols than the length allows, and for what
        no match goes on with; then nothing has changed.
        """
        self._check_going()
        ids = self._vocabulary.encode(text)
        if not len(ids):
            return
        stream, left = self._now.stream, self._left
        if len(ids) > left:
            raise SettingsError(
                f"{len(ids)} symbols were typed, and the length of {self._settings.length} leaves "
                f"room for {left}; type fewer, or begin again with a larger length."
            )
        memory = self._typed(ids, text)
        unread = ids if stream.last_ids_B is None else np.concatenate([stream.last_ids_B, ids])
        logits_1V, state = prefill(self._engine, unread, stream.state)
        point = _Point(
            stream=DecoderState(
                state=state,
                logits_BV=logits_1V,
                seeds_B=stream.seeds_B,
                processor_state=memory,
                position=stream.position + len(ids),
            ),
            pieces=self._joiner(),
            released=self._now.released + 1,
            stopped="length" if len(ids) == left else None,
        )
        self._put((point, self.pending + text))

    def undo(self, steps: int = 1) -> int:
        """Take back the last steps, or as many as there are; return how many. A run is one step."""
        first = max(1, len(self._points) - steps)
        undone = self._points[first:]
        del self._points[first:]
        if any(point.chance for point in undone):
            self._seed = (self._seed + 1) % (MAX_SEED + 1)
        return len(undone)

    def generate(self, symbols: int | None = None) -> Iterator[str]:
        """Draw on to the end, or so many symbols; yield the pieces of text as they are certain.

        It draws no further than it is read; read it out, or leave it, before another step.
        """
        steps = self._left if symbols is None else min(symbols, self._left)
        kernels = compiled(self._engine, steps)
        for number in range(steps):
            if self.stopped is not None:
                break
            # The arrays stay those of the point before, which a growing stream leaves as they are.
            seeds_S = np.array([self._seed], np.uint64)
            stream = dataclasses.replace(self._now.stream, seeds_B=seeds_S)
            drawn = decode(self._engine, stream, 1, self._steering, kernels)
            point, piece = self._after(int(drawn.ids_BT[0, 0]), stream, chance=True)
            self._put((point, piece), instead=number > 0)
            if piece:
                yield piece

    @property
    def _now(self) -> _Point:
        return self._points[-1]

    @property
    def _left(self) -> int:
        """How many symbols may still be added; counted also after the end."""
        return self._settings.length - self._now.stream.position

    def _joiner(self) -> IncrementalDetokenizer:
        return IncrementalDetokenizer(self._vocabulary.level, self._settings.stop)

    def _check_going(self) -> None:
        if self.stopped is not None:
            raise SettingsError("the text has ended, nothing can be added; undo a step first.")

    def _read(self) -> DecoderState:
        """Return the stream with all of its symbols read, so that its logits are the next ones."""
        stream = self._now.stream
        if stream.last_ids_B is not None:
            logits_1V, state = self._engine.step(stream.last_ids_B, stream.state)
            stream = dataclasses.replace(stream, logits_BV=logits_1V, state=state, last_ids_B=None)
            self._points[-1] = dataclasses.replace(self._now, stream=stream)
        return stream

    def _odds(self) -> tuple[Floats, NDArray[np.float64]]:
        """Return steered logits and weight of each next symbol, (V,)."""
        stream, truncation = self._read(), self._steering.truncation
        if truncation.temperature == 0:
            truncation = Truncation()
        logits_1V = self._steering.process(
            stream.logits_BV, stream.position, stream.processor_state
        )
        return logits_1V[0], np.asarray(sampling_weights(logits_1V, truncation)[0], np.float64)

    def _typed(self, ids: Ids, text: str) -> ProcessorState:
        """Return what is known once a text was typed; raises SettingsError if none matches then."""
        memory, automaton = self._now.stream.processor_state, self._steering.automaton
        for index in ids:
            memory = self._steering.advance(np.array([index]), memory)
            if memory.automaton_B[0] < 0:
                break
        if automaton is not None:
            state, left = memory.automaton_B[0], self._left - len(ids)
            missing = max(self._settings.min_length - (self._settings.length - left), 0)
            if state < 0 or automaton.distance_JQ[missing, state] > left:
                raise SettingsError(
                    f"{quote(text)} cannot stand here: no match of "
                    f"{quote(self._settings.match or '')} goes on from it within the length of "
                    f"{self._settings.length} symbols; type something else, or undo."
                )
        return memory

    def _after(
        self, index: int, stream: DecoderState, *, chance: bool = False
    ) -> tuple[_Point, str]:
        """Return the point after one more symbol, and the piece of text that is certain with it."""
        pieces, piece = copy.deepcopy(self._now.pieces), ""
        stopped: StopKind | None = None
        if index == EOS:
            stopped = "eos"
        else:
            piece, _ = pieces.push([self._vocabulary.symbols[index]])
            if pieces.stopped:
                stopped = "stop"
            elif stream.position == self._settings.length:
                stopped = "length"
        point = _Point(
            stream=stream,
            pieces=pieces,
            released=self._now.released + 1,
            stopped=stopped,
            chance=chance,
        )
        return point, piece if stopped is None else piece + pieces.finish()

    def _put(self, added: tuple[_Point, str], *, instead: bool = False) -> None:
        """Make this the point where the text stands: a step of its own, or more of the last one.

        Whoever is interrupted in here finds the text as it stood before, or after.
        """
        point, piece = added
        self._released[point.released - 1 :] = [piece]
        self._points[len(self._points) - instead :] = [point]
