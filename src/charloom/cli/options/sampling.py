"""The options of ``charloom generate``, named after the fields of SamplingSettings that they set.

Each is None when it is left out: then the default of settings.py holds.
"""

from pathlib import Path
from typing import Annotated

from charloom.cli.options.shared import decode_argument, option, parse_count, parse_float, parse_int
from charloom.settings import DEFAULT_TEMPERATURE, DEFAULT_TRIES, SamplingSettings

_DEFAULT = SamplingSettings()
_CHOICE, _FORM, _NEW, _BEST = "Choice of symbols", "Shape of texts", "New texts", "Best texts"


def parse_bias(text: str) -> tuple[str, float]:
    """Return the symbol and the number that ``SYMBOL=NUMBER`` spells."""
    symbol, sign, value = decode_argument(text).rpartition("=")
    if not sign or not symbol:
        raise ValueError(f"{text!r} is no bias; give a symbol and a number, such as e=-2.")
    return symbol, parse_float(value)


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
        help="A file whose text, but for a last line break, is a prompt too; - is standard input.",
    ),
]
Labels = Annotated[
    list[str] | None,
    option(
        "--label",
        metavar="LABEL",
        parser=decode_argument,
        help="Label from which texts are unrolled; may be repeated, then each text follows its "
        "label and a tab.",
    ),
]
Stream = Annotated[bool, option("--stream", help="Show each text symbol by symbol.")]
Format = Annotated[
    str | None,
    option("--format", metavar="text|jsonl", default="text", help="jsonl: an object a text."),
]
Interactive = Annotated[
    bool, option("--interactive", help="Choose symbol after symbol, type, undo, let it run.")
]
Choices = Annotated[
    int | None,
    option(
        "--choices",
        metavar="COUNT",
        parser=parse_count,
        default=9,
        help="Likeliest symbols that --interactive offers.",
    ),
]

Temperature = Annotated[
    float | None,
    option(
        "--temperature",
        metavar="NUMBER",
        parser=parse_float,
        default=DEFAULT_TEMPERATURE,
        help="Below 1 safer, above 1 wilder, 0 greedy.",
        group=_CHOICE,
    ),
]
Greedy = Annotated[
    bool, option("--greedy", help="Always take the most probable symbol.", group=_CHOICE)
]
TopK = Annotated[
    int | None,
    option(
        "--top-k",
        metavar="COUNT",
        parser=parse_int,
        help="Draw from so many most probable symbols only.",
        group=_CHOICE,
    ),
]
TopP = Annotated[
    float | None,
    option(
        "--top-p",
        metavar="SHARE",
        parser=parse_float,
        help="Draw from the fewest symbols that together have this probability.",
        group=_CHOICE,
    ),
]
MinP = Annotated[
    float | None,
    option(
        "--min-p",
        metavar="SHARE",
        parser=parse_float,
        help="Draw from symbols with at least this share of the best one's probability.",
        group=_CHOICE,
    ),
]
RepetitionPenalty = Annotated[
    float | None,
    option(
        "--repetition-penalty",
        metavar="NUMBER",
        parser=parse_float,
        help="Above 1, press down what would repeat a passage of the last 256 symbols.",
        group=_CHOICE,
    ),
]
RepetitionSpan = Annotated[
    int | None,
    option(
        "--repetition-span",
        metavar="SYMBOLS",
        parser=parse_int,
        default="8; of words 1",
        help="Length of such a passage.",
        group=_CHOICE,
    ),
]
Bias = Annotated[
    list[str] | None,
    option(
        "--bias",
        metavar="SYMBOL=NUMBER",
        parser=parse_bias,
        help="Add to the logit of a symbol; -inf forbids it, <eos> is the end. May be repeated.",
        group=_CHOICE,
    ),
]

MinLength = Annotated[
    int | None,
    option(
        "--min-length",
        metavar="SYMBOLS",
        parser=parse_int,
        default=_DEFAULT.min_length,
        help="The smallest number of symbols added to a prompt.",
        group=_FORM,
    ),
]
Stop = Annotated[
    list[str] | None,
    option(
        "--stop",
        metavar="TEXT",
        parser=decode_argument,
        help="End a text before this string; may be repeated.",
        group=_FORM,
    ),
]
Match = Annotated[
    str | None,
    option(
        "--match",
        metavar="REGEX",
        parser=decode_argument,
        help="Every text, prompt included, matches this regular expression as a whole.",
        group=_FORM,
    ),
]

Novel = Annotated[
    bool, option("--novel", help="Leave out texts of the training documents.", group=_NEW)
]
Unique = Annotated[bool, option("--unique", help="No text twice.", group=_NEW)]
Tries = Annotated[
    int | None,
    option(
        "--tries",
        metavar="COUNT",
        parser=parse_int,
        default=DEFAULT_TRIES,
        help="Texts drawn at most for each one asked for.",
        group=_NEW,
    ),
]

Beam = Annotated[
    int | None,
    option(
        "--beam",
        metavar="WIDTH",
        parser=parse_int,
        help="Search for the most probable texts, so many side by side, and write the -n best.",
        group=_BEST,
    ),
]
LengthPenalty = Annotated[
    float | None,
    option(
        "--length-penalty",
        metavar="NUMBER",
        parser=parse_float,
        default=1,
        help="Rank texts by log probability over length to this power; 0 favours short ones.",
        group=_BEST,
    ),
]
