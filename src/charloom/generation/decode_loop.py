"""Streams that grow together, a number of symbols at a time: in NumPy, or compiled.

Both give the same symbols bit for bit, so which one works is a matter of time alone: compiled code
pays once it saves more than it takes to load. Axes: S streams, T symbols drawn, V of the
vocabulary.
"""

import dataclasses
import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charloom.generation.logits_processor import LogitsProcessor, ProcessorState
from charloom.generation.sampling import clamp_temperature, sample, surprisals
from charloom.network.engine import Engine, Ids
from charloom.network.exact import Floats
from charloom.network.reference import State
from charloom.randomness import uniform
from charloom.text.vocabulary import EOS

_KERNELS = "charloom.generation.compiled_decode"
# Weights that NumPy multiplies a second in one stream, measured; and the seconds that loading the
# compiled code takes.
NUMPY_WEIGHTS_A_SECOND = 4e8
LOADING_SECONDS = 1.0
# However small a network is, a symbol takes NumPy as long as so many weights.
MIN_NUMPY_WEIGHTS = 20_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptState:
    """A prompt that was read, and how to go on from it."""

    prompt: str
    logits_1V: Floats
    """Logits of the first symbol."""
    state: State
    """The network's state after the prompt, B is 1."""
    processor: LogitsProcessor


@dataclasses.dataclass(kw_only=True)
class DecoderState:
    """Streams side by side, each about to draw the symbol at the same position."""

    state: State
    logits_BV: Floats
    """Logits of the first symbol; not kept up to date."""
    seeds_B: NDArray[np.uint64]
    processor_state: ProcessorState
    last_ids_B: NDArray[np.int64] | None = None
    """The symbols drawn last, not read yet; None before the first. So none is read in vain."""
    position: int = 0

    @classmethod
    def from_prompt(cls, start: PromptState, seeds: Sequence[int]) -> Self:
        """Return a stream for each seed."""
        every = np.zeros(len(seeds), np.int64)
        return cls(
            state=start.state.select(every),
            logits_BV=start.logits_1V[every],
            seeds_B=np.array(seeds, np.uint64),
            processor_state=start.processor.initial_state.take(every),
        )

    def __len__(self) -> int:
        return len(self.seeds_B)

    def select(self, rows: Ids) -> None:
        """Keep some of the streams, in the order given."""
        self.state = self.state.select(rows)
        self.seeds_B = self.seeds_B[rows]
        self.processor_state = self.processor_state.take(rows)
        self.last_ids_B = None if self.last_ids_B is None else self.last_ids_B[rows]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodedBlock:
    """What the streams drew."""

    ids_BT: NDArray[np.int32]
    nats_BT: NDArray[np.float64]
    """Nats of each symbol under the model itself (temperature 1, nothing masked)."""
    lengths_B: NDArray[np.int64]
    """How many symbols of each row count; fewer than T where the boundary was drawn."""
    rows: NDArray[np.int64]
    """The row of each stream that goes on, in their new order."""


def compiled(engine: Engine, symbols: int) -> Any | None:
    """Return the compiled kernels if they are loaded, or worth loading for so many symbols."""
    # Without floats: a length may be a number that none can hold.
    work = symbols * max(engine.weights.recurrent_LHG.size, MIN_NUMPY_WEIGHTS)
    if _KERNELS not in sys.modules and work < LOADING_SECONDS * NUMPY_WEIGHTS_A_SECOND:
        return None
    return importlib.import_module(_KERNELS)


def prefill(engine: Engine, ids: Ids, state: State) -> tuple[Floats, State]:
    """Read symbols, (T,), in one stream; return the logits (1, V) that follow, and the state."""
    kernels = compiled(engine, len(ids))
    if kernels is not None:
        return _read_compiled(kernels, engine, ids, state)
    for ids_1 in ids[:, None]:
        state = engine.advance(ids_1, state)
    return engine.logits(state), state


def step(
    engine: Engine, ids_S: Ids, state: State, kernels: Any | None = None
) -> tuple[Floats, State]:
    """Read one symbol in each stream; return the logits (S, V) that follow, and the new state."""
    if kernels is None:
        return engine.step(ids_S, state)
    weights, streams = engine.weights, len(ids_S)
    kind, layers = _arguments(kernels, engine)
    hidden_LSH, cell_LSH = _writable(state)
    gates_SG = np.empty((streams, weights.table_VG.shape[1]), np.float32)
    ids_S = np.ascontiguousarray(ids_S, np.int64)
    sums_SG = np.empty_like(gates_SG)
    kernels.advance(kind, layers, ids_S, hidden_LSH, cell_LSH, gates_SG, sums_SG, streams)
    logits_SV = np.tile(weights.output_bias_V, (streams, 1))
    kernels.accumulate(logits_SV, hidden_LSH[-1], weights.output_HV, streams)
    return logits_SV, _state(engine, hidden_LSH, cell_LSH)


def decode(
    engine: Engine,
    streams: DecoderState,
    steps: int,
    steering: LogitsProcessor,
    kernels: Any | None = None,
) -> DecodedBlock:
    """Draw up to ``steps`` symbols in each stream; those that drew the boundary leave."""
    if kernels is not None:
        return _grow_compiled(kernels, engine, streams, steps, steering)
    shape = (len(streams), steps)
    ids_ST, nats_ST = np.zeros(shape, np.int32), np.zeros(shape)
    lengths_S = np.zeros(len(streams), np.int64)
    rows = np.arange(len(streams))
    for column, uniforms in enumerate(_uniforms(streams, steps)):
        logits_SV = streams.logits_BV
        if streams.last_ids_B is not None:
            logits_SV, streams.state = engine.step(streams.last_ids_B, streams.state)
        adjusted_SV = steering.process(
            logits_SV, streams.position + column, streams.processor_state
        )
        streams.last_ids_B = sample(adjusted_SV, steering.truncation, uniforms[rows])
        streams.processor_state = steering.advance(streams.last_ids_B, streams.processor_state)
        ids_ST[rows, column] = streams.last_ids_B
        nats_ST[rows, column] = surprisals(logits_SV, streams.last_ids_B)
        lengths_S[rows] = column + 1
        going = np.flatnonzero(streams.last_ids_B != EOS)
        if len(going) < len(rows):
            rows = rows[going]
            streams.select(going)
        if len(rows) == 0:
            break
    streams.position += steps
    return DecodedBlock(ids_BT=ids_ST, nats_BT=nats_ST, lengths_B=lengths_S, rows=rows)


def _uniforms(streams: DecoderState, steps: int) -> Iterator[NDArray[np.float64]]:
    """Yield the uniforms, (S,), of each position."""
    positions = np.arange(streams.position, streams.position + steps, dtype=np.uint64)
    yield from uniform(streams.seeds_B[None], positions[:, None])


def _arguments(kernels: Any, engine: Engine) -> tuple[Any, ...]:
    """Return the kind of the cell and the weights of the recurrent layers, as kernels want them."""
    weights = engine.weights
    layers = (
        weights.table_VG,
        weights.input_LHG,
        weights.bias_LG,
        weights.recurrent_LHG,
        weights.recurrent_bias_LH,
    )
    return getattr(kernels, engine.settings.cell.upper()), layers


def _writable(state: State) -> tuple[Floats, Floats]:
    """Return hidden and cell state as arrays that a kernel may change; for want of a cell, both."""
    hidden_LSH = np.array(state.hidden, np.float32, order="C")
    cell_LSH = state.hidden if state.cell is None else state.cell
    return hidden_LSH, np.array(cell_LSH, np.float32, order="C")


def _scratch(streams: DecoderState) -> Floats:
    """Return room for the logits, with those of the first symbol in it where they are due."""
    if streams.last_ids_B is None:
        return np.array(streams.logits_BV, np.float32, order="C")
    return np.empty((len(streams), streams.logits_BV.shape[1]), np.float32)


def _state(engine: Engine, hidden_LSH: Floats, cell_LSH: Floats) -> State:
    return State(hidden=hidden_LSH, cell=cell_LSH if engine.settings.cell == "lstm" else None)


def _read_compiled(kernels: Any, engine: Engine, ids: Ids, state: State) -> tuple[Floats, State]:
    hidden_LSH, cell_LSH = _writable(state)
    ids = np.ascontiguousarray(ids, np.int64)
    kernels.read(*_arguments(kernels, engine), ids, hidden_LSH, cell_LSH)
    state = _state(engine, hidden_LSH, cell_LSH)
    return engine.logits(state), state


def _steering(steering: LogitsProcessor) -> tuple[Any, ...]:
    """Return what ``kernels.grow`` wants to know of a choice, in the order that it takes it."""
    truncation, automaton = steering.truncation, steering.automaton
    none = np.empty((0, 0), np.int32)
    return (
        steering.bias_V,
        clamp_temperature(truncation.temperature) if truncation.temperature else np.float32(0),
        truncation.truncates,
        truncation.top_k or len(steering.bias_V),
        truncation.top_p,
        truncation.min_p,
        steering.repetition_penalty,
        steering.repetition_span,
        steering.min_length,
        steering.max_length,
        none if automaton is None else automaton.next_QV,
        none if automaton is None else automaton.distance_JQ,
    )


def _grow_compiled(
    kernels: Any, engine: Engine, streams: DecoderState, steps: int, steering: LogitsProcessor
) -> DecodedBlock:
    shape = (len(streams), steps)
    ids_ST, nats_ST = np.empty(shape, np.int32), np.empty(shape)
    lengths_S = np.empty(len(streams), np.int64)
    hidden_LSH, cell_LSH = _writable(streams.state)
    last_S = (
        np.zeros(len(streams), np.int64)
        if streams.last_ids_B is None
        else streams.last_ids_B.copy()
    )
    memory = ProcessorState(
        automaton_B=np.array(streams.processor_state.automaton_B),
        recent_BW=np.array(streams.processor_state.recent_BW, order="C"),
    )
    weights = engine.weights
    rows = kernels.grow(
        *_arguments(kernels, engine),
        (weights.output_HV, weights.output_bias_V),
        _steering(steering),
        (hidden_LSH, cell_LSH, memory.automaton_B, memory.recent_BW),
        _scratch(streams),
        last_S,
        streams.last_ids_B is not None,
        streams.seeds_B,
        streams.position,
        EOS,
        (ids_ST, nats_ST, lengths_S),
    )
    going = slice(len(rows))
    streams.state = _state(engine, hidden_LSH[:, going], cell_LSH[:, going])
    streams.last_ids_B, streams.seeds_B = last_S[going], streams.seeds_B[rows]
    streams.processor_state = memory.take(going)
    streams.position += steps
    return DecodedBlock(ids_BT=ids_ST, nats_BT=nats_ST, lengths_B=lengths_S, rows=rows)
