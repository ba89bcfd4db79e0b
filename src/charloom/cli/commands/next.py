"""``charloom next``: what a model expects after a text."""

from typing import Annotated

from charloom.cli.commands.generate import clean_prompts
from charloom.cli.options.shared import Json, Label, Run, argument, count, decoded, option
from charloom.cli.terminal import output
from charloom.formatting import bar, quoted

_SHOWN = 10
_COLUMNS = 40

Text = Annotated[str, argument("TEXT", "The text so far; may be empty.", decoded)]
Top = Annotated[
    int | None,
    option(
        "--top",
        metavar="COUNT",
        parser=count,
        default=f"{_SHOWN}; with --json all",
        help="How many symbols to show.",
    ),
]


def next_symbols(
    run: Run, text: Text, top: Top = None, label: Label = None, json: Json = False
) -> None:
    """Show which symbols a model expects after a text."""
    from charloom.model import Model

    model = Model.load(run)
    [prompt] = clean_prompts(model, [text])
    expected = model.next(prompt, label)
    if json:
        output.record([{"symbol": s, "probability": p} for s, p in expected[:top]])
        return
    shown = expected[: top or _SHOWN]
    largest = shown[0][1]
    output.table(
        (
            (_name(symbol), f"{100 * probability:.1f} %", bar(probability / largest, _COLUMNS))
            for symbol, probability in shown
        ),
        right=(1,),
    )


def _name(symbol: str) -> str:
    """Return a symbol between quotes; the boundary, which is no text, bare."""
    return symbol if symbol == "<eos>" else quoted(symbol)
