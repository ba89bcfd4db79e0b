"""Options of ``charloom train`` besides the settings; ``compare`` shares one."""

import dataclasses
from pathlib import Path
from typing import Annotated

from charloom.cli.options.parsers import parse_float
from charloom.cli.options.shared import SettingsFile, option
from charloom.settings.presets import PRESETS
from charloom.settings.training import CHECKPOINT_SECONDS

Valid = Annotated[
    str | None,
    option(
        "--valid",
        metavar="FILE",
        group="Text",
        help="Validation texts; none are then held out from the sources.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a training run that are not settings."""

    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="RUN",
            default="runs/ and the name of the source",
            help="Folder of the model.",
        ),
    ] = None
    base: Annotated[
        Path | None,
        option(
            "--from",
            metavar="RUN",
            help="Start from the weights of a trained model: cell, sizes, level and cleaning are "
            "its own; new symbols and labels are added.",
        ),
    ] = None
    extend: Annotated[
        Path | None,
        option(
            "--extend",
            metavar="RUN",
            help="Train a finished model longer, on its own texts and with its settings; without "
            "--output, the result is RUN-2 beside it.",
        ),
    ] = None
    preset: Annotated[
        str | None,
        option(
            "--preset",
            metavar="|".join(PRESETS),
            help="A named set of settings.",
            values=tuple(PRESETS),
        ),
    ] = None
    settings_file: SettingsFile = None
    force: Annotated[bool, option("--force", help="Replace the model in the folder.")] = False
    resume: Annotated[
        bool, option("--resume", help="Resume the run in the folder from its last checkpoint.")
    ] = False
    checkpoint_seconds: Annotated[
        float | None,
        option(
            "--checkpoint-seconds",
            metavar="SECONDS",
            parser=parse_float,
            default=CHECKPOINT_SECONDS,
            help="Seconds between two checkpoints, from which --resume continues; 0 saves one "
            "after every step.",
        ),
    ] = None
    log: Annotated[
        str | None,
        option(
            "--log",
            metavar="tensorboard",
            default="none",
            help="Also write the events of the run for TensorBoard, to RUN/tensorboard; needs the "
            "package tensorboard.",
            values=("tensorboard",),
        ),
    ] = None
