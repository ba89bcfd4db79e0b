"""Arguments and options that commands share: their types, names and help."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from charloom.settings import SamplingSettings

_SAMPLING = SamplingSettings()


def parse_int(text: str) -> int:
    """Return the whole number that ``text`` spells; a ValueError says what was seen."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number.") from None


def parse_count(text: str) -> int:
    """Return the whole number of at least 1 that ``text`` spells."""
    if parse_int(text) < 1:
        raise ValueError(f"{text} is too small, it must be at least 1.")
    return parse_int(text)


def parse_float(text: str) -> float:
    """Return the number that ``text`` spells; a ValueError says what was seen."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number.") from None


def decode_argument(text: str) -> str:
    """Return an argument read as UTF-8, whatever the locale says.

    A byte that Python could not decode stands in it as a lone surrogate.
    """
    try:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:  # on Windows, other surrogates may; reading a prompt repairs them
        return text


def option(
    *names: str,
    help: str,
    metavar: str | None = None,
    parser: Callable[[str], object] | None = None,
    default: object = None,
    group: str = "Options",
) -> Any:
    """Return an option of the command line; ``default`` is what its help says, not its value."""
    return typer.Option(
        *names,
        help=help if default is None else f"{help} [default: {default}]",
        metavar=metavar,
        parser=parser,
        show_default=False,
        rich_help_panel=group,
    )


def argument(metavar: str, help: str, parser: Callable[[str], object] | None = None) -> Any:
    """Return an argument of the command line."""
    return typer.Argument(metavar=metavar, help=help, parser=parser, show_default=False)


Run = Annotated[Path, argument("RUN", "Folder of a trained model.")]
Prompts = Annotated[
    list[str] | None,
    argument("[PROMPT]...", "Beginnings of the texts; none: from nothing.", decode_argument),
]
Sources = Annotated[
    list[str],
    argument("SOURCE...", "Files, folders, globs, - for standard input, or names of corpora."),
]
Training = Annotated[
    list[str] | None,
    option(
        "--training",
        metavar="SOURCE",
        default="where they were when the model learned",
        help="The texts that the model learned from.",
    ),
]
Json = Annotated[bool, option("--json", help="Write JSON.")]
Seed = Annotated[
    int | None,
    option(
        "--seed",
        metavar="NUMBER",
        parser=parse_int,
        default="a random one",
        help="Seed of the first text; the next ones have the numbers after it.",
    ),
]
FirstSeed = Annotated[
    int,
    option(
        "--seed",
        metavar="NUMBER",
        parser=parse_int,
        default=_SAMPLING.seed,
        help="Seed of the first text; the next ones have the numbers after it.",
    ),
]
Label = Annotated[
    str | None,
    option(
        "--label",
        metavar="LABEL",
        parser=decode_argument,
        help="Label from which a text is unrolled.",
    ),
]


def length_option(default: int) -> Any:
    """Return the option ``--length`` of a command whose default is ``default``."""
    return option(
        "--length",
        metavar="SYMBOLS",
        parser=parse_int,
        default=default,
        help="The largest number of symbols added to a prompt.",
    )


Length = Annotated[int | None, length_option(_SAMPLING.length)]

_TEXT = "Text"
Columns = Annotated[
    list[str] | None,
    option(
        "--column",
        metavar="COLUMN",
        group=_TEXT,
        help="Column of a table, by name or by number from 1; "
        "several (repeat, or separate by commas) are joined by a space.",
    ),
]
LabelColumn = Annotated[
    str | None,
    option(
        "--label-column",
        metavar="COLUMN",
        group=_TEXT,
        help="Column of a table that holds each text's label.",
    ),
]
Header = Annotated[
    bool | None,
    option(
        "--header/--no-header",
        group=_TEXT,
        default="yes, unless columns are given by number",
        help="Whether a table begins with the names of its columns.",
    ),
]


def _encoding_option(default: str) -> Any:
    return option(
        "--encoding",
        metavar="NAME",
        group=_TEXT,
        default=default,
        help="Encoding of text files, for example latin-1.",
    )


Encoding = Annotated[str | None, _encoding_option("utf-8")]
RecordedEncoding = Annotated[str | None, _encoding_option("that of the texts learned from")]


def split_columns(columns: list[str] | None) -> tuple[str, ...] | None:
    """Return the names in ``--column a,b --column c`` as ("a", "b", "c"); None if left out."""
    if columns is None:
        return None
    return tuple(name.strip() for given in columns for name in given.split(","))
