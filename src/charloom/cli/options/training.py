"""The options of ``charloom train``, named after the fields of settings.py that they set.

Each is None when it is left out: a preset, a named corpus, or the default of settings.py decides,
in that order (settling.choose).
"""

from pathlib import Path
from typing import Annotated, get_args

from charloom.cli.options.shared import decode_argument, option, parse_float, parse_int
from charloom.runs.spec import CHECKPOINT_SECONDS
from charloom.settings import (
    Cell,
    Level,
    NetworkSettings,
    Optimizer,
    Precision,
    Schedule,
    TextSettings,
    TrainingSettings,
    Unit,
)

_TEXT, _NETWORK, _TRAINING = TextSettings(), NetworkSettings(), TrainingSettings()
BUDGET = "Budget (give one)"
_CHOSEN = "what suits text, budget and machine"
"""Of settings that are decided when they are left open (charloom.advice)."""


def _name(choices: object, *names: str, help: str, default: str, group: str) -> object:
    metavar = "|".join(get_args(choices))
    return option(*names, metavar=metavar, default=default, help=help, group=group)


def _whole(
    name: str, metavar: str, help: str, group: str, default: int | str | None = None
) -> object:
    return option(name, metavar=metavar, parser=parse_int, default=default, help=help, group=group)


def _number(
    name: str, metavar: str, help: str, group: str, default: float | str | None = None
) -> object:
    return option(
        name, metavar=metavar, parser=parse_float, default=default, help=help, group=group
    )


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
    str | None, option("--preset", metavar="lesson", help="A named set of settings.")
]
Force = Annotated[bool, option("--force", help="Replace the model that is in the folder.")]
Resume = Annotated[
    bool,
    option(
        "--resume",
        help="Go on with the run in the folder after its last save; its settings are those it had.",
    ),
]
CheckpointSeconds = Annotated[
    float | None,
    _number(
        "--checkpoint-seconds",
        "SECONDS",
        "Save the state of the run this often, for --resume; 0 is after every step.",
        "Options",
        CHECKPOINT_SECONDS,
    ),
]
Log = Annotated[
    str | None,
    option(
        "--log",
        metavar="tensorboard",
        default="none",
        help="Also write the run for TensorBoard, into RUN/tensorboard; needs the package "
        "tensorboard.",
    ),
]

LevelName = Annotated[
    str | None,
    _name(Level, "--level", help="What one symbol is.", default=_TEXT.level, group="Text"),
]
UnitName = Annotated[
    str | None,
    _name(
        Unit,
        "--unit",
        help="What one text is: a line (or row), a whole file; or all is one stream.",
        default=_TEXT.unit,
        group="Text",
    ),
]
Clean = Annotated[
    bool | None,
    option(
        "--clean/--no-clean",
        help="Repair HTML entities, normalise Unicode and line ends, drop control characters.",
        default="clean",
        group="Text",
    ),
]
MinCount = Annotated[
    int | None,
    _whole("--min-count", "COUNT", "Rarer symbols become <unk>.", "Text", _TEXT.min_count),
]
Valid = Annotated[
    str | None,
    option("--valid", metavar="FILE", help="Texts of your own to measure on.", group="Text"),
]
ValidFraction = Annotated[
    float | None,
    _number(
        "--valid-fraction",
        "SHARE",
        "Share of the texts that is set aside to measure on; not with --valid.",
        "Text",
        _TEXT.valid_fraction,
    ),
]

CellName = Annotated[
    str | None,
    _name(Cell, "--cell", help="Recurrent cell.", default=_NETWORK.cell, group="Network"),
]
Hidden = Annotated[int | None, _whole("--hidden", "UNITS", "Units of a layer.", "Network", _CHOSEN)]
Layers = Annotated[
    int | None,
    _whole("--layers", "COUNT", "Recurrent layers on one another.", "Network", _NETWORK.layers),
]
Input = Annotated[
    str | None,
    option(
        "--input",
        metavar="one-hot|SIZE",
        help="How a symbol enters: one-hot, or as a learned embedding of this size.",
        default=_CHOSEN,
        group="Network",
    ),
]
Dropout = Annotated[
    float | None,
    _number(
        "--dropout",
        "SHARE",
        "Values dropped between layers and before the output, at first; falls to a quarter.",
        "Network",
        _CHOSEN,
    ),
]

Minutes = Annotated[
    float | None,
    _number("--minutes", "MINUTES", "Minutes of training.", BUDGET, _TRAINING.minutes),
]
Epochs = Annotated[int | None, _whole("--epochs", "COUNT", "Passes over the texts.", BUDGET)]
Steps = Annotated[int | None, _whole("--steps", "COUNT", "Steps of the optimizer.", BUDGET)]

BatchSize = Annotated[
    int | None,
    _whole("--batch-size", "COUNT", "Texts in a minibatch.", "Training", _CHOSEN),
]
Window = Annotated[
    int | None,
    _whole(
        "--window",
        "SYMBOLS",
        "Symbols that an error is led back through.",
        "Training",
        _CHOSEN,
    ),
]
LearningRate = Annotated[
    float | None,
    _number("--lr", "RATE", "Highest learning rate.", "Training", "that of the optimizer"),
]
ScheduleName = Annotated[
    str | None,
    _name(
        Schedule,
        "--schedule",
        help="Learning rate and dropout fall until the end, or are constant.",
        default=_TRAINING.schedule,
        group="Training",
    ),
]
OptimizerName = Annotated[
    str | None,
    _name(
        Optimizer,
        "--optimizer",
        help="Rule that turns gradients into steps.",
        default=_TRAINING.optimizer,
        group="Training",
    ),
]
WeightDecay = Annotated[
    float | None,
    _number("--weight-decay", "RATE", "Of Muon and AdamW.", "Training", "that of the optimizer"),
]
Clip = Annotated[
    float | None,
    _number("--clip-norm", "NORM", "Largest norm of the gradient.", "Training", _TRAINING.clip),
]
TrainingSeed = Annotated[
    int | None,
    _whole(
        "--seed",
        "NUMBER",
        "Seed of the split, the first weights and the order of the texts.",
        "Training",
        _TRAINING.seed,
    ),
]
Device = Annotated[
    str | None,
    option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:1 ...",
        default=_TRAINING.device,
        group="Training",
    ),
]
PrecisionName = Annotated[
    str | None,
    _name(
        Precision,
        "--precision",
        help="What is multiplied as; sums are fp32. auto: bf16 where the processor has it.",
        default=_TRAINING.precision,
        group="Training",
    ),
]
Average = Annotated[
    bool | None,
    option(
        "--average/--no-average",
        help="Keep the average of the weights over the last tenth of the steps, not the last ones.",
        default="average",
        group="Training",
    ),
]
Index = Annotated[
    bool | None,
    option(
        "--index/--no-index",
        help="Keep hashes of the texts that are learned from, for generate --novel.",
        default="index; of a stream there are none",
        group="Training",
    ),
]

SampleEvery = Annotated[
    float | None,
    _number(
        "--sample-every",
        "SECONDS",
        "Measure and show samples this often, besides each epoch's end (with --minutes, an end "
        "less than 5 % of the budget after the last report is passed over).",
        "Samples while learning",
    ),
]
SamplePrompts = Annotated[
    list[str] | None,
    option(
        "--prompt",
        metavar="TEXT",
        parser=decode_argument,
        help="Prompt of the samples; may be repeated.",
        default="none: from nothing",
        group="Samples while learning",
    ),
]
SampleTemperatures = Annotated[
    list[float] | None,
    _number(
        "--temperature",
        "NUMBER",
        "Temperature of the samples, 0 is greedy; may be repeated.",
        "Samples while learning",
        ", ".join(f"{t:g}" for t in _TRAINING.temperatures),
    ),
]
