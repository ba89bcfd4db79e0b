"""The states and gates of a network while it reads a text.

Axes: T positions, L layers, H hidden units. The NumPy engine and the compiled one have the same
arithmetic, so the states are, bit for bit, those from which texts are generated.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.evaluation.model_parts import ModelParts
from charloom.network.engine import GATE_NAMES, Engine, Gates, Ids
from charloom.network.exact import Floats
from charloom.network.network_state import NetworkState
from charloom.network.reference import State
from charloom.records import Record
from charloom.settings import Label
from charloom.text.vocabulary import EOS

if TYPE_CHECKING:
    from charloom.displays.state_map import StateMap

SHOWN_UNITS: Final = 12
"""Units that are shown unless they are named."""
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

    def show(
        self,
        name: str = "hidden",
        *,
        layer: int = -1,
        units: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    ) -> "StateMap":
        """Return units of a layer over the text, as a notebook shows them.

        ``name`` is ``hidden``, ``cell`` or that of a gate. ``layer`` and ``units`` count from 0,
        and -1 is the highest layer. Without ``units``, the 12 units with the largest variance over
        the text are shown, the largest first. Raises SettingsError for names and numbers that the
        model does not have.
        """
        # Imported here, since generating does without it.
        from charloom.displays.state_map import StateMap

        values_TLH = self._values(name)
        layers, hidden = values_TLH.shape[1:]
        layer = _checked_layer(layer, layers)
        values_TH = values_TLH[:, layer]
        if units is None:
            order = np.argsort(-values_TH.var(axis=0, dtype=np.float64), kind="stable")
            chosen = order[:SHOWN_UNITS].tolist()
        else:
            chosen = _checked_units(units, hidden)
        values_TU = values_TH[:, chosen]
        # All others are activations: of tanh, or of the logistic function.
        bound = float(np.abs(values_TU).max()) if name == "cell" else 1.0
        kind = "gate" if name in self.gates else "state"
        return StateMap(
            title=f"{name.capitalize()} {kind}, layer {layer}",
            symbols=self.symbols,
            units=tuple(chosen),
            values_TU=values_TU,
            scale=bound or 1.0,
            signed=name in ("hidden", "cell", "candidate"),
        )

    def _repr_html_(self) -> str:
        return self.show()._repr_html_()

    def _values(self, name: str) -> Floats:
        """Return the values of a state or gate, (T, L, H)."""
        known = {"hidden": self.hidden, "cell": self.cell, **self.gates}
        names = [each for each, values in known.items() if values is not None]
        if name not in names:
            raise SettingsError(f"name is {name!r:.80}; this model has {', '.join(names)}.")
        return np.asarray(known[name])


def _checked_layer(layer: int, layers: int) -> int:
    """Return the number of a layer from 0."""
    if _is_index(layer, -layers, layers):
        return range(layers)[layer]
    raise SettingsError(
        f"layer is {layer!r:.80}; it must be a whole number from {-layers} to {layers - 1}."
    )


def _checked_units(units: Any, hidden: int) -> list[int]:
    """Return the numbers of units as a list."""
    allowed = f"give whole numbers from 0 to {hidden - 1}, such as [0, {hidden - 1}]."
    chosen = units.tolist() if isinstance(units, np.ndarray) else units
    if not isinstance(chosen, list | tuple | range) or not chosen:
        raise SettingsError(f"units is {units!r:.80}; {allowed}")
    for unit in chosen:
        if not _is_index(unit, 0, hidden):
            raise SettingsError(f"units has {unit!r:.80}; {allowed}")
    return [int(unit) for unit in chosen]


def _is_index(number: object, start: int, stop: int) -> bool:
    is_whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return is_whole and int(number) in range(start, stop)  # type: ignore[call-overload]


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
