"""Settings of the network: cell, sizes and dropout."""

import dataclasses
from typing import Literal

from charloom.settings.declaration import AUTOMATIC, setting
from charloom.settings.records import SettingsBase

Cell = Literal["lstm", "gru", "rnn"]

_GROUP = "Network"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(SettingsBase):
    """Settings of the network: cell, sizes and dropout."""

    cell: Cell = setting("lstm", option="--cell", group=_GROUP, help="Recurrent cell.")
    hidden: int = setting(
        256,
        option="--hidden",
        metavar="UNITS",
        group=_GROUP,
        default_text=AUTOMATIC,
        min=1,
        help="Units of the hidden state of each layer.",
    )
    layers: int = setting(
        1,
        option="--layers",
        metavar="COUNT",
        group=_GROUP,
        min=1,
        help="Number of stacked recurrent layers.",
    )
    input: int | Literal["one-hot"] = setting(
        64,
        option="--input",
        metavar="one-hot|SIZE",
        group=_GROUP,
        default_text=AUTOMATIC,
        min=1,
        help="Encoding of input symbols: one-hot, or a learned embedding of this size.",
    )
    dropout: float = setting(
        0.1,
        option="--dropout",
        metavar="PROBABILITY",
        group=_GROUP,
        default_text=AUTOMATIC,
        min=0,
        below=1,
        help="Probability of dropping a value between layers and before the output. It falls to a "
        "quarter during training, unless the schedule is constant.",
    )
