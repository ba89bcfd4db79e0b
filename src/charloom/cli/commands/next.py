"""``charloom next``: show the most probable next symbols after a text."""

from typing import Annotated

from charloom.cli.options.declared import takes_options
from charloom.cli.options.labels import parse_label
from charloom.cli.options.mixture import MixtureOptions
from charloom.cli.options.parsers import decode_argument, parse_count
from charloom.cli.options.sampling import Label
from charloom.cli.options.shared import Json, Run, argument, option
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import clean_prompts
from charloom.formatting import format_bar, format_percent, quote_symbol

_DEFAULT_SHOWN = 10
_BAR_WIDTH = 40

Text = Annotated[str, argument("TEXT", "The text so far; may be empty.", decode_argument)]
Top = Annotated[
    int | None,
    option(
        "--top",
        metavar="COUNT",
        parser=parse_count,
        default=f"{_DEFAULT_SHOWN}; with --json all",
        help="Symbols to show.",
    ),
]


@takes_options(mixture=MixtureOptions)
def next_symbols(
    run: Run,
    text: Text,
    top: Top = None,
    label: Label = None,
    *,
    mixture: MixtureOptions,
    json: Json = False,
) -> None:
    """Show the most probable next symbols after a text."""
    model = mixture.load(run)
    [prompt] = clean_prompts(model, [text])
    expected = model.next(prompt, parse_label(label, model.record.labels))
    if json:
        output.write_json([{"symbol": s, "probability": p} for s, p in expected[:top]])
        return
    shown = expected[: top or _DEFAULT_SHOWN]
    largest = shown[0][1]
    output.write_table(
        (
            (
                quote_symbol(symbol),
                format_percent(probability, 1),
                format_bar(probability / largest, _BAR_WIDTH),
            )
            for symbol, probability in shown
        ),
        right=(1,),
    )
