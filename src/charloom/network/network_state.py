"""The state of a network between two symbols, as the library takes and returns it.

Axes: L layers, H hidden units.
"""

import dataclasses
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charloom.errors import SettingsError
from charloom.network.exact import Floats
from charloom.network.reference import State
from charloom.records import Record
from charloom.settings import NetworkSettings


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NetworkState(Record):
    """Hidden and cell states after a symbol, from which a text can continue.

    Any two arrays of numbers are accepted and converted to float32, such as those of
    ``Model.states(text).at(-1)``, changed or not. Raises SettingsError for arrays that are not of
    finite numbers with two axes.
    """

    hidden: Floats
    """Hidden states, (L, H)."""
    cell: Floats | None = None
    """Cell states, (L, H); None except for lstm."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", _convert("hidden", self.hidden))
        if self.cell is not None:
            object.__setattr__(self, "cell", _convert("cell", self.cell))

    @classmethod
    def from_batch(cls, state: State, row: int = 0) -> Self:
        """Return the state of one sequence."""
        cell = None if state.cell is None else state.cell[:, row]
        return cls(hidden=state.hidden[:, row], cell=cell)

    def to_batch(self, settings: NetworkSettings) -> State:
        """Return the state for a batch of one sequence.

        Raises SettingsError if it does not fit a network.
        """
        shape = (settings.layers, settings.hidden)
        for name, values_LH in (("hidden", self.hidden), ("cell", self.cell)):
            if values_LH is not None and values_LH.shape != shape:
                raise SettingsError(
                    f"the {name} state has the shape {values_LH.shape}; this network needs "
                    f"{shape}: layers and hidden units."
                )
        if (self.cell is None) == (settings.cell == "lstm"):
            given = "without" if self.cell is None else "with"
            needed = "needs one" if self.cell is None else "has none; leave it out"
            raise SettingsError(
                f"the state was given {given} a cell state, and this network, {settings.cell}, "
                f"{needed}."
            )
        cell_LBH = None if self.cell is None else self.cell[:, None]
        return State(hidden=self.hidden[:, None], cell=cell_LBH)


def _convert(name: str, values: ArrayLike) -> NDArray[Any]:
    """Return a read-only copy in float32."""
    try:
        with np.errstate(over="ignore"):
            values_LH = np.array(values, np.float32)
    except (OverflowError, TypeError, ValueError):
        values_LH = None
    if values_LH is None or values_LH.ndim != 2:
        raise SettingsError(
            f"the {name} state is no array of numbers with two axes; give one of layers and "
            f"hidden units, such as model.states(text).at(-1).{name}."
        )
    if not np.isfinite(values_LH).all():
        raise SettingsError(f"the {name} state holds NaN or infinity; give finite numbers.")
    values_LH.flags.writeable = False
    return values_LH
