"""Arguments and options that several commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from charloom.cli.options.parsers import decode_argument

FORMATS = ("text", "jsonl")


def option(
    *names: str,
    help: str,
    metavar: str | None = None,
    parser: Callable[[str], object] | None = None,
    default: object = None,
    group: str = "Options",
    values: Sequence[str] = (),
    separator: str | None = None,
) -> Any:
    """Return an option of the command line.

    ``default`` is shown in the help text and does not set the value. Shells complete ``values``,
    with a ``separator`` each value of a list.
    """
    return typer.Option(
        *names,
        help=help if default is None else f"{help} [default: {default}]",
        metavar=metavar,
        parser=parser,
        show_default=False,
        rich_help_panel=group,
        autocompletion=_completion(values, separator) if values else None,
    )


def argument(metavar: str, help: str, parser: Callable[[str], object] | None = None) -> Any:
    """Return an argument of the command line."""
    return typer.Argument(metavar=metavar, help=help, parser=parser, show_default=False)


def _completion(values: Sequence[str], separator: str | None) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        complete_part, last = "", incomplete
        if separator is not None and separator in incomplete:
            complete_part, _, last = incomplete.rpartition(separator)
            complete_part += separator
        return [complete_part + value for value in values if value.startswith(last)]

    return complete


Run = Annotated[
    Path, argument("RUN", "Folder of a trained model, or a model on the hub: hf://user/name.")
]
Prompts = Annotated[
    list[str] | None,
    argument("[PROMPT]...", "Beginnings of the texts; none is the empty text.", decode_argument),
]
Sources = Annotated[
    list[str],
    argument("SOURCE...", "Files, folders, globs, - for standard input, or names of corpora."),
]
OptionalSources = Annotated[
    list[str] | None,
    argument("[SOURCE]...", "Files, folders, globs, - for standard input, or names of corpora."),
]
Training = Annotated[
    list[str] | None,
    option(
        "--training",
        metavar="SOURCE",
        default="where they were during training",
        help="The training texts.",
    ),
]
Validation = Annotated[
    str | None,
    option(
        "--valid",
        metavar="SOURCE",
        default="where it was during training, if there was one",
        help="The validation file.",
    ),
]
Json = Annotated[bool, option("--json", help="Write JSON.")]
SettingsFile = Annotated[
    Path | None,
    option(
        "--settings",
        metavar="FILE",
        help="Settings file (TOML), for example from charloom summary RUN --settings; options on "
        "the command line take precedence.",
    ),
]
Format = Annotated[
    str | None,
    option(
        "--format",
        metavar="|".join(FORMATS),
        default=FORMATS[0],
        help="Format of the output; jsonl writes one JSON object a line.",
        values=FORMATS,
    ),
]
