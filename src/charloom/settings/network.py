"""The shape of the network."""

import dataclasses
from typing import Literal

from charloom.settings.records import SettingsBase, check_range

Cell = Literal["lstm", "gru", "rnn"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(SettingsBase):
    """The shape of the network."""

    cell: Cell = "lstm"
    """The recurrent cell."""
    hidden: int = 256
    """Units of each layer's hidden state."""
    layers: int = 1
    """How many recurrent layers are stacked."""
    input: int | Literal["one-hot"] = 64
    """``"one-hot"``, or the size of a learned embedding."""
    dropout: float = 0.1
    """Share of values dropped between layers and before the output at the beginning of training;
    it falls to a quarter, unless the schedule is constant."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("hidden", self.hidden, low=1)
        check_range("layers", self.layers, low=1)
        if self.input != "one-hot":
            check_range("input", self.input, low=1)
        check_range("dropout", self.dropout, low=0, high=1, open_high=True)
