"""Options of commands that generate text, besides the settings of `charloom generate`."""

from pathlib import Path
from typing import Annotated, Any

from charloom.cli.options.declared import setting_option
from charloom.cli.options.parsers import decode_argument, parse_count
from charloom.cli.options.shared import option
from charloom.settings import SamplingSettings

DEFAULTS = SamplingSettings()
DEFAULT_CHOICES = 9
RANDOM_SEED = "a random one"
"""The shown default of seeds that are drawn when they are left out."""

Count = Annotated[
    int | None,
    option(
        "-n",
        metavar="COUNT",
        parser=parse_count,
        default=1,
        help="Texts for each prompt and label.",
    ),
]
PromptFile = Annotated[
    Path | None,
    option(
        "--prompt-file",
        metavar="FILE",
        help="File with one more prompt, read without its last line break; - is standard input.",
    ),
]
SamplingFile = Annotated[
    Path | None,
    option(
        "--settings",
        metavar="FILE",
        help="Settings file (TOML) with a table [sampling]; options on the command line take "
        "precedence.",
    ),
]
Labels = Annotated[
    list[str] | None,
    option(
        "--label",
        metavar="LABEL",
        parser=decode_argument,
        help="Label of the texts, for a model with labels. May be repeated; each text then follows "
        "its label and a tab.",
    ),
]
Stream = Annotated[bool, option("--stream", help="Write each text symbol by symbol.")]
Interactive = Annotated[
    bool,
    option(
        "--interactive", help="Write one text together: choose symbols, type, undo, let it run."
    ),
]
Choices = Annotated[
    int | None,
    option(
        "--choices",
        metavar="COUNT",
        parser=parse_count,
        default=DEFAULT_CHOICES,
        help="Most probable symbols that --interactive offers.",
    ),
]
Greedy = Annotated[
    bool,
    option(
        "--greedy",
        group="Choice of symbols",
        help="Always choose the most probable symbol.",
    ),
]
Label = Annotated[str | None, setting_option(SamplingSettings, "label")]
Seed = Annotated[int | None, setting_option(SamplingSettings, "seed", default=RANDOM_SEED)]
FirstSeed = Annotated[int, setting_option(SamplingSettings, "seed")]
"""A seed with a fixed default: measurements are repeatable."""
Length = Annotated[int, setting_option(SamplingSettings, "length")]


def count_option(default: int, help: str) -> Any:
    """Return the option ``-n`` of a command that samples texts to measure them."""
    return option("-n", metavar="COUNT", parser=parse_count, default=default, help=help)
