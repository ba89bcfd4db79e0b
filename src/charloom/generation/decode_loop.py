"""The decode loop: read the last symbol, process the logits, sample, repeat.

Two decoders return the same symbols. ``CompiledDecoder`` (compiled_decode.py) is faster, but
loading its code takes about a second, so ``NumpyDecoder`` decodes a few short texts.

A ``PromptState`` is the start of all texts of a prompt, a ``DecoderState`` a batch of texts in
progress. ``Decoder.decode`` turns a state into a ``DecodedBlock``: the next symbols of each text,
and the state after them. The state includes that of the network, so the cost of a symbol does not
grow with the length of the text.

Axes: B sequences, T symbols of a block, V symbols of the vocabulary.
"""

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from charloom.generation.logits_processor import LogitsProcessor, ProcessorState
from charloom.generation.sampling import sample, surprisals
from charloom.network.engine import Engine, Ids
from charloom.network.exact import Floats
from charloom.network.reference import State
from charloom.randomness import uniform
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS

NUMPY_BATCH = 256
"""Largest batch of the NumPy decoder; this bounds memory."""
COMPILED_BATCH = 16
"""Largest batch of the compiled decoder: the sums of 16 sequences fit into the cache."""

COMPILED_MODULE = "charloom.generation.compiled_decode"
_LOADING_SECONDS = 1.0
"""Seconds to load the compiled code, measured."""
_NUMPY_WEIGHTS_PER_SECOND = 4e8
"""Weights that NumPy multiplies per second while it decodes one sequence, measured."""
_MIN_NUMPY_WEIGHTS = 20_000
"""In a smaller network, a symbol takes NumPy as long as with this many weights."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptState:
    """A prompt that the network has read, and the options of its continuations."""

    prompt: str
    settings: SamplingSettings
    processor: LogitsProcessor
    """The part of ``settings`` that changes probabilities, prepared for the decoders."""
    logits_1V: Floats
    """Logits of the first symbol."""
    network_state: State
    """The state after the prompt, B is 1."""


@dataclasses.dataclass(kw_only=True)
class DecoderState:
    """A batch of texts in progress; their next symbols are all at the same position."""

    network_state: State
    logits_BV: Floats
    """Logits of the next symbol; outdated while ``last_ids_B`` are unread."""
    seeds_B: NDArray[np.uint64]
    processor_state: ProcessorState
    last_ids_B: NDArray[np.int64] | None = None
    """The last symbols, unless the network has read them. A decoder reads them before the next
    symbol, so the last symbol of a text is never read."""
    position: int = 0
    """Symbols after the prompt so far."""

    @classmethod
    def from_prompt(cls, start: PromptState, seeds: Sequence[int]) -> Self:
        """Return one sequence per seed."""
        zeros = np.zeros(len(seeds), np.int64)
        return cls(
            network_state=start.network_state.select(zeros),
            logits_BV=start.logits_1V[zeros],
            seeds_B=np.array(seeds, np.uint64),
            processor_state=start.processor.initial_state.select(zeros),
        )

    def __len__(self) -> int:
        return len(self.seeds_B)

    def select(self, rows: Ids) -> "DecoderState":
        """Return some of the sequences, in the given order."""
        return DecoderState(
            network_state=self.network_state.select(rows),
            logits_BV=self.logits_BV[rows],
            seeds_B=self.seeds_B[rows],
            processor_state=self.processor_state.select(rows),
            last_ids_B=None if self.last_ids_B is None else self.last_ids_B[rows],
            position=self.position,
        )


@dataclasses.dataclass(kw_only=True)
class DecodedBlock:
    """The result of ``Decoder.decode``. Row r belongs to sequence r of the call."""

    ids_BT: NDArray[np.int32]
    nats_BT: NDArray[np.float64]
    """Surprisal of each symbol under the model itself: temperature 1, logits not processed."""
    lengths_B: NDArray[np.int64]
    """Valid symbols of each row; fewer than T only if the last of them is the boundary."""
    rows_B: NDArray[np.int64]
    """The row of each sequence of ``state``, whose order may differ from that of the call."""
    state: DecoderState
    """The sequences that did not reach the boundary."""


class Decoder(Protocol):
    """Runs a network over a batch of sequences and samples their symbols."""

    batch: ClassVar[int]
    """Sequences per call at most, for speed and memory."""
    releases_gil: ClassVar[bool]
    """Whether calls in several threads run in parallel."""

    def prefill(self, ids_T: Ids, state: State) -> tuple[Floats, State]:
        """Read symbols one after another in one sequence.

        Return the logits of the next symbol, (1, V), and the new state.
        """

    def step(self, ids_B: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol in each sequence; return the logits, (B, V), and the new state."""

    def decode(self, state: DecoderState, steps: int, processor: LogitsProcessor) -> DecodedBlock:
        """Decode up to ``steps`` symbols in each sequence; the boundary ends a sequence.

        The arrays of ``state`` are not changed.
        """


ChooseDecoder = Callable[[int], Decoder]
"""Returns the decoder for a number of symbols to read or decode one after another."""


class NumpyDecoder:
    """The decoder in NumPy. It defines the ids that every decoder must return."""

    batch: ClassVar[int] = NUMPY_BATCH
    releases_gil: ClassVar[bool] = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prefill(self, ids_T: Ids, state: State) -> tuple[Floats, State]:
        """Read symbols in one sequence; see ``Decoder``."""
        for ids_1 in ids_T[:, None]:
            state = self._engine.advance(ids_1, state)
        return self._engine.logits(state), state

    def step(self, ids_B: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol in each sequence; see ``Decoder``."""
        return self._engine.step(ids_B, state)

    def decode(self, state: DecoderState, steps: int, processor: LogitsProcessor) -> DecodedBlock:
        """Decode up to ``steps`` symbols in each sequence; see ``Decoder``."""
        shape = (len(state), steps)
        ids_BT, nats_BT = np.zeros(shape, np.int32), np.zeros(shape)
        lengths_B, rows_B = np.zeros(len(state), np.int64), np.arange(len(state))
        for t, uniforms_B in enumerate(_uniforms(state, steps)):
            logits_BV, network_state = state.logits_BV, state.network_state
            if state.last_ids_B is not None:
                logits_BV, network_state = self._engine.step(state.last_ids_B, network_state)
            processed_BV = processor.process(logits_BV, state.position, state.processor_state)
            ids_B = sample(processed_BV, processor.truncation, uniforms_B[rows_B])
            ids_BT[rows_B, t] = ids_B
            nats_BT[rows_B, t] = surprisals(logits_BV, ids_B)
            lengths_B[rows_B] = t + 1
            state = DecoderState(
                network_state=network_state,
                logits_BV=logits_BV,
                seeds_B=state.seeds_B,
                processor_state=processor.advance(ids_B, state.processor_state),
                last_ids_B=ids_B,
                position=state.position + 1,
            )
            active = np.flatnonzero(ids_B != EOS)
            if len(active) < len(rows_B):
                rows_B, state = rows_B[active], state.select(active)
            if len(rows_B) == 0:
                break
        return DecodedBlock(
            ids_BT=ids_BT, nats_BT=nats_BT, lengths_B=lengths_B, rows_B=rows_B, state=state
        )


def _uniforms(state: DecoderState, steps: int) -> Iterator[NDArray[np.float64]]:
    """Yield the uniforms of all sequences, (B,), for each of the next positions."""
    positions = np.arange(state.position, state.position + steps, dtype=np.uint64)
    yield from uniform(state.seeds_B[None], positions[:, None])


class DecoderChoice:
    """The ``ChooseDecoder`` that chooses the faster decoder of an engine.

    The compiled decoder is faster if its code is loaded already, or if NumPy would take longer than
    loading it. Once loaded, it is always chosen.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numpy = NumpyDecoder(engine)
        self._compiled: Decoder | None = None

    def __call__(self, symbols: int) -> Decoder:
        """Return the decoder for a number of symbols to read or decode one after another."""
        if self._compiled is None and (
            COMPILED_MODULE in sys.modules or loading_pays(self._engine, symbols)
        ):
            self._compiled = importlib.import_module(COMPILED_MODULE).CompiledDecoder(self._engine)
        return self._compiled or self._numpy


def loading_pays(engine: Engine, symbols: int) -> bool:
    """Return whether NumPy would take longer than loading the compiled code."""
    # The product of integers: a length may be too large for a float.
    weights = symbols * max(engine.weights.recurrent_LHG.size, _MIN_NUMPY_WEIGHTS)
    return weights >= _LOADING_SECONDS * _NUMPY_WEIGHTS_PER_SECOND
