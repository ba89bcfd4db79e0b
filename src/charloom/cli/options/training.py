"""Options of `charloom train` and `compare`, besides the settings."""

from pathlib import Path
from typing import Annotated

from charloom.cli.options.parsers import parse_float
from charloom.cli.options.shared import option
from charloom.settings.presets import PRESETS
from charloom.settings.training import CHECKPOINT_SECONDS

Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="RUN",
        default="runs/ and the name of the source",
        help="Folder of the model.",
    ),
]
PresetName = Annotated[
    str | None,
    option(
        "--preset",
        metavar="|".join(PRESETS),
        help="A named set of settings.",
        values=tuple(PRESETS),
    ),
]
Force = Annotated[bool, option("--force", help="Replace the model in the folder.")]
Resume = Annotated[
    bool,
    option("--resume", help="Resume the run in the folder from its last checkpoint."),
]
CheckpointSeconds = Annotated[
    float | None,
    option(
        "--checkpoint-seconds",
        metavar="SECONDS",
        parser=parse_float,
        default=CHECKPOINT_SECONDS,
        help="Seconds between two checkpoints, from which --resume continues; 0 saves one after "
        "every step.",
    ),
]
Log = Annotated[
    str | None,
    option(
        "--log",
        metavar="tensorboard",
        default="none",
        help="Also write the events of the run for TensorBoard, to RUN/tensorboard; needs the "
        "package tensorboard.",
        values=("tensorboard",),
    ),
]
Valid = Annotated[
    str | None,
    option(
        "--valid",
        metavar="FILE",
        group="Text",
        help="Validation texts; none are then held out from the sources.",
    ),
]
