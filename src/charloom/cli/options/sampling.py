"""Options of commands that generate text, besides most settings of sampling."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

from charloom.cli.options.declared import setting_option
from charloom.cli.options.parsers import decode_argument, parse_count
from charloom.cli.options.shared import Format, option
from charloom.settings import SamplingSettings

DEFAULTS = SamplingSettings()
DEFAULT_CHOICES = 9
RANDOM_SEED = "a random one"
"""The shown default of seeds that are drawn when they are left out."""

Label = Annotated[str | None, setting_option(SamplingSettings, "label")]
Seed = Annotated[int | None, setting_option(SamplingSettings, "seed", default=RANDOM_SEED)]
FirstSeed = Annotated[int, setting_option(SamplingSettings, "seed")]
"""A seed with a fixed default, which makes measurements repeatable."""
Length = Annotated[int, setting_option(SamplingSettings, "length")]


def count_option(default: int, help: str) -> Any:
    """Return the option ``-n`` of a command that samples texts."""
    return option("-n", metavar="COUNT", parser=parse_count, default=default, help=help)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Options of ``charloom generate`` that select the texts to generate."""

    prompt_file: Annotated[
        Path | None,
        option(
            "--prompt-file",
            metavar="FILE",
            help="File with one more prompt, read without its last line break; - is standard "
            "input.",
        ),
    ] = None
    n: Annotated[int | None, count_option(1, "Texts for each prompt and label.")] = None
    settings_file: Annotated[
        Path | None,
        option(
            "--settings",
            metavar="FILE",
            help="Settings file (TOML) with a table [sampling]; options on the command line take "
            "precedence.",
        ),
    ] = None
    forbid_files: Annotated[
        list[Path] | None,
        option(
            "--forbid-file",
            metavar="FILE",
            group="Shape of texts",
            help="File with one more forbidden string a line; blank lines are ignored. May be "
            "repeated.",
        ),
    ] = None
    labels: Annotated[
        list[str] | None,
        option(
            "--label",
            metavar="LABEL",
            parser=decode_argument,
            help="Label of the texts, for a model with labels; or several with weights, such as "
            "France=0.5,Spain=0.5. May be repeated; each text then follows its label and a tab.",
        ),
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Options of ``charloom generate`` that select how texts are written."""

    form: Format = None
    stream: Annotated[bool, option("--stream", help="Write each text symbol by symbol.")] = False
    interactive: Annotated[
        bool,
        option(
            "--interactive",
            help="Write one text interactively: choose symbols, type, undo, or continue.",
        ),
    ] = False
    choices: Annotated[
        int | None,
        option(
            "--choices",
            metavar="COUNT",
            parser=parse_count,
            default=DEFAULT_CHOICES,
            help="Most probable symbols that --interactive offers.",
        ),
    ] = None
