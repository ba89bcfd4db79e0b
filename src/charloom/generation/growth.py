"""Streams that grow together, a number of symbols at a time: in NumPy, or compiled.

Both give the same symbols bit for bit, so which one works is a matter of time alone: compiled code
pays once it saves more than it takes to load. Axes: S streams, T symbols drawn, V of the
vocabulary.
"""

import dataclasses
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.generation.arithmetic import Floats
from charloom.generation.engine import Engine, Ids
from charloom.generation.philox import uniform
from charloom.generation.reference import State
from charloom.generation.sampling import choose, cost, divisor
from charloom.text.vocabulary import EOS, UNK

_KERNELS = "charloom.generation.kernels"
# Weights that NumPy multiplies a second in one stream, measured; and the seconds that loading the
# compiled code takes.
NUMPY_WEIGHTS_A_SECOND = 4e8
LOADING_SECONDS = 1.0


@dataclasses.dataclass(kw_only=True)
class Streams:
    """Streams side by side, each about to draw the symbol at the same position."""

    state: State
    logits_SV: Floats
    """Logits of the first symbol; not kept up to date."""
    seeds_S: NDArray[np.uint64]
    last_S: NDArray[np.int64] | None = None
    """The symbols drawn last, not read yet; None before the first. So none is read in vain."""
    position: int = 0

    def __len__(self) -> int:
        return len(self.seeds_S)

    def keep(self, rows: Ids) -> None:
        """Keep some of the streams, in the order given."""
        self.state = self.state.take(rows)
        self.seeds_S = self.seeds_S[rows]
        self.last_S = None if self.last_S is None else self.last_S[rows]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the streams drew."""

    ids_ST: NDArray[np.int32]
    nats_ST: NDArray[np.float64]
    """Nats of each symbol under the model itself (temperature 1, nothing masked)."""
    lengths_S: NDArray[np.int64]
    """How many symbols of each row count; fewer than T where the boundary was drawn."""
    rows: NDArray[np.int64]
    """The row of each stream that goes on, in their new order."""


def compiled(engine: Engine, symbols: int) -> Any | None:
    """Return the compiled kernels if they are loaded, or worth loading for so many symbols."""
    seconds = symbols * engine.weights.recurrent_LHG.size / NUMPY_WEIGHTS_A_SECOND
    if _KERNELS not in sys.modules and seconds < LOADING_SECONDS:
        return None
    return importlib.import_module(_KERNELS)


def read(engine: Engine, ids: Ids, state: State) -> tuple[Floats, State]:
    """Read symbols, (T,), in one stream; return the logits (1, V) that follow, and the state."""
    kernels = compiled(engine, len(ids))
    if kernels is not None:
        return _read_compiled(kernels, engine, ids, state)
    for ids_1 in ids[:, None]:
        state = engine.advance(ids_1, state)
    return engine.logits(state), state


def grow(
    engine: Engine, streams: Streams, steps: int, temperature: float, kernels: Any | None = None
) -> Drawn:
    """Draw up to ``steps`` symbols in each stream; those that drew the boundary leave."""
    if kernels is not None:
        return _grow_compiled(kernels, engine, streams, steps, temperature)
    shape = (len(streams), steps)
    ids_ST, nats_ST = np.zeros(shape, np.int32), np.zeros(shape)
    lengths_S = np.zeros(len(streams), np.int64)
    rows = np.arange(len(streams))
    allowed_V = np.arange(len(engine.weights.output_bias_V)) != UNK
    for column, uniforms in enumerate(_uniforms(streams, steps)):
        logits_SV = streams.logits_SV
        if streams.last_S is not None:
            logits_SV, streams.state = engine.step(streams.last_S, streams.state)
        streams.last_S = choose(logits_SV, temperature, uniforms[rows], allowed_V)
        ids_ST[rows, column] = streams.last_S
        nats_ST[rows, column] = cost(logits_SV, streams.last_S)
        lengths_S[rows] = column + 1
        going = np.flatnonzero(streams.last_S != EOS)
        if len(going) < len(rows):
            rows = rows[going]
            streams.keep(going)
        if len(rows) == 0:
            break
    streams.position += steps
    return Drawn(ids_ST=ids_ST, nats_ST=nats_ST, lengths_S=lengths_S, rows=rows)


def _uniforms(streams: Streams, steps: int) -> Iterator[NDArray[np.float64]]:
    """Yield the uniforms, (S,), of each position."""
    positions = np.arange(streams.position, streams.position + steps, dtype=np.uint64)
    yield from uniform(streams.seeds_S[None], positions[:, None])


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


def _scratch(streams: Streams) -> Floats:
    """Return room for the logits, with those of the first symbol in it where they are due."""
    if streams.last_S is None:
        return np.array(streams.logits_SV, np.float32, order="C")
    return np.empty((len(streams), streams.logits_SV.shape[1]), np.float32)


def _state(engine: Engine, hidden_LSH: Floats, cell_LSH: Floats) -> State:
    return State(hidden=hidden_LSH, cell=cell_LSH if engine.settings.cell == "lstm" else None)


def _read_compiled(kernels: Any, engine: Engine, ids: Ids, state: State) -> tuple[Floats, State]:
    hidden_LSH, cell_LSH = _writable(state)
    ids = np.ascontiguousarray(ids, np.int64)
    kernels.read(*_arguments(kernels, engine), ids, hidden_LSH, cell_LSH)
    state = _state(engine, hidden_LSH, cell_LSH)
    return engine.logits(state), state


def _grow_compiled(
    kernels: Any, engine: Engine, streams: Streams, steps: int, temperature: float
) -> Drawn:
    shape = (len(streams), steps)
    ids_ST, nats_ST = np.empty(shape, np.int32), np.empty(shape)
    lengths_S = np.empty(len(streams), np.int64)
    hidden_LSH, cell_LSH = _writable(streams.state)
    last_S = np.zeros(len(streams), np.int64) if streams.last_S is None else streams.last_S.copy()
    weights = engine.weights
    rows = kernels.grow(
        *_arguments(kernels, engine),
        weights.output_HV,
        weights.output_bias_V,
        hidden_LSH,
        cell_LSH,
        _scratch(streams),
        last_S,
        streams.last_S is not None,
        streams.seeds_S,
        np.uint64(streams.position),
        divisor(temperature) if temperature else np.float32(0),
        EOS,
        UNK,
        ids_ST,
        nats_ST,
        lengths_S,
    )
    going = slice(len(rows))
    streams.state = _state(engine, hidden_LSH[:, going], cell_LSH[:, going])
    streams.last_S, streams.seeds_S = last_S[going], streams.seeds_S[rows]
    streams.position += steps
    return Drawn(ids_ST=ids_ST, nats_ST=nats_ST, lengths_S=lengths_S, rows=rows)
