"""The states and gates of a network while it reads a text.

Axes: T positions, L layers, H hidden units. The NumPy engine and the compiled one have the same
arithmetic, so the states are, bit for bit, those from which texts are generated.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from charloom.evaluation.model_parts import ModelParts
from charloom.network.engine import GATE_NAMES, Engine, Gates, Ids
from charloom.network.exact import Floats
from charloom.network.network_state import NetworkState
from charloom.network.reference import State
from charloom.records import Record
from charloom.settings import Label
from charloom.text.vocabulary import EOS

_ROWS: Final = 256
"""Positions whose gates are computed at once; this bounds memory."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TextStates(Record):
    """States and gates after each symbol of a text.

    Position 0 is after the boundary that begins the text, position t after its symbol t. So T is
    the number of symbols plus one, and the states at T - 1 predict the symbol after the text.
    ``network/reference.py`` has the equations and their sources.
    """

    text: str
    """The cleaned text."""
    label: Label
    """The label of the text, whose start state precedes position 0."""
    symbols: tuple[str, ...]
    """The symbol read at each position, (T,); the first is the boundary, ``<eos>``."""
    hidden: Floats
    """Hidden states h, (T, L, H), in float32."""
    cell: Floats | None
    """Cell states c, (T, L, H); None except for lstm."""
    gates: Mapping[str, Floats]
    """Activations of the gates by name, (T, L, H) each.

    An LSTM has ``input``, ``forget``, ``candidate`` and ``output`` (i, f, g and o in the
    equations), a GRU ``reset``, ``update`` and ``candidate`` (r, z and n), a simple RNN none.
    """

    def at(self, position: int) -> NetworkState:
        """Return the state after a symbol; -1 is the last.

        ``Model.generate(state=...)`` continues from it. Raises IndexError for a position that the
        text does not have.
        """
        cell = None if self.cell is None else self.cell[position]
        return NetworkState(hidden=self.hidden[position], cell=cell)


def trace_states(model: ModelParts, text: str, label: Label = None) -> TextStates:
    """Return the states and gates of a cleaned text.

    Raises LabelError for a label that the model does not have.
    """
    generator = model.generator
    ids_T = np.concatenate([[EOS], generator.vocabulary.encode(text)])
    start = generator.start_state(label)
    state, states = start, []
    decoder = generator.choose_decoder(len(ids_T))
    for position in range(len(ids_T)):
        _, state = decoder.step(ids_T[position : position + 1], state)
        states.append(state)
    before = _join([start, *states[:-1]])
    hidden_LTH, cell_LTH = _join(states).hidden, _join(states).cell
    boundary = generator.vocabulary.symbols[EOS]
    return TextStates(
        text=text,
        label=label,
        symbols=(boundary, *generator.vocabulary.iter_symbols(text)),
        hidden=_frozen(hidden_LTH.swapaxes(0, 1)),
        cell=None if cell_LTH is None else _frozen(cell_LTH.swapaxes(0, 1)),
        gates=_gates(model.engine, ids_T, before),
    )


def _join(states: list[State]) -> State:
    """Return states of one sequence each as those of a batch."""
    hidden_LTH = np.concatenate([state.hidden for state in states], axis=1)
    cells = [state.cell for state in states if state.cell is not None]
    return State(hidden=hidden_LTH, cell=np.concatenate(cells, axis=1) if cells else None)


def _gates(engine: Engine, ids_T: Ids, before: State) -> dict[str, Floats]:
    """Return the gates, (T, L, H) each; ``before`` are the states before each symbol."""
    names = GATE_NAMES[engine.settings.cell]
    blocks: list[list[Gates]] = [
        engine.advance_with_gates(ids_T[rows], before.select(rows))[1]
        for rows in (slice(first, first + _ROWS) for first in range(0, len(ids_T), _ROWS))
    ]
    return {
        name: _frozen(
            np.concatenate([np.stack([gates[k] for gates in block], axis=1) for block in blocks])
        )
        for k, name in enumerate(names)
    }


def _frozen(values: Any) -> Floats:
    """Return a read-only copy in float32."""
    copied = np.array(values, np.float32)
    copied.flags.writeable = False
    return copied
