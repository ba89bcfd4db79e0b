"""The symbols that may follow a text, at several temperatures side by side.

The HTML is a table of boxes, without table elements: the style sheets of notebooks and of the
documentation frame and stripe those. JupyterLab removes the columns of grids from notebooks that
are not trusted, but not the layout of tables.
"""

import dataclasses
import html
from collections.abc import Iterator, Sequence
from typing import Final

from charloom.formatting import format_bar, format_percent, quote_symbol
from charloom.text.symbols import replace_surrogates

MAX_ROWS: Final = 12
"""Symbols that are shown, the most probable ones."""
_BAR_COLUMNS: Final = 12
_HEADING: Final = "temperature"
_TABLE: Final = (
    "display:table;table-layout:fixed;width:100%;max-width:{}em;"
    "font:13px/1.25 system-ui,sans-serif;text-align:left"
)
_ROW: Final = "display:table-row"
_SYMBOL: Final = (
    "display:table-cell;width:6em;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font-family:ui-monospace,monospace"
)
_CELL: Final = "display:table-cell;padding:0 0 4px 8px"
_BAR: Final = "height:6px;background-color:#3a7bd5;border-radius:2px"
_QUIET: Final = "opacity:.7"

Pairs = Sequence[tuple[str, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NextAtTemperatures:
    """Distributions of the next symbol, with the same symbols in the same order."""

    temperatures: tuple[float, ...]
    distributions: tuple[Pairs, ...]
    """One for each temperature: pairs of a symbol and its probability."""

    def __repr__(self) -> str:
        """Return the table as text; all bars have one scale."""
        rows = list(self._rows())
        width = max(len(name) for name in (_HEADING, *(name for name, _ in rows)))
        heads = [f"{temperature:>7g} {'':{_BAR_COLUMNS}}" for temperature in self.temperatures]
        lines = ["  ".join([f"{_HEADING:<{width}}", *heads])]
        largest = self._largest()
        for name, chances in rows:
            bars = [format_bar(min(p / largest, 1), _BAR_COLUMNS) for p in chances]
            cells = [
                f"{format_percent(p, 1):>7} {bar:<{_BAR_COLUMNS}}"
                for p, bar in zip(chances, bars, strict=True)
            ]
            lines.append("  ".join([f"{name:<{width}}", *cells]))
        return replace_surrogates("\n".join(line.rstrip() for line in lines))

    def _repr_html_(self) -> str:
        largest = self._largest()
        heads = "".join(
            f'<div style="{_CELL}"><b>{temperature:g}</b></div>'
            for temperature in self.temperatures
        )
        rows = [f'<div style="{_SYMBOL};{_QUIET}">temp</div>{heads}']
        symbols = len(self._shown())
        for row, (symbol, chances) in enumerate(self._rows()):
            is_symbol = row < symbols
            quiet = "" if is_symbol else f";{_QUIET}"
            cells = "".join(_cell(p, p / largest if is_symbol else 0) for p in chances)
            name = html.escape(replace_surrogates(symbol))
            rows.append(f'<div style="{_SYMBOL}{quiet}">{name}</div>{cells}')
        content = "".join(f'<div style="{_ROW}">{row}</div>' for row in rows)
        return f'<div style="{_TABLE.format(6 + 14 * len(self.temperatures))}">{content}</div>'

    def _shown(self) -> Pairs:
        return self.distributions[0][:MAX_ROWS]

    def _largest(self) -> float:
        """Return the probability of the longest bar."""
        return max((p for each in self.distributions for _, p in each[:MAX_ROWS]), default=0) or 1

    def _rows(self) -> Iterator[tuple[str, list[float]]]:
        """Yield each symbol with its probabilities, and the sums of the others."""
        for k, (symbol, _) in enumerate(self._shown()):
            yield quote_symbol(symbol), [each[k][1] for each in self.distributions]
        if (others := len(self.distributions[0]) - MAX_ROWS) > 0:
            sums = [sum(p for _, p in each[MAX_ROWS:]) for each in self.distributions]
            yield f"{others:,} others", sums


def _cell(probability: float, fraction: float) -> str:
    """Return a probability with a bar below it."""
    bar = f'<div style="{_BAR};width:{100 * fraction:.1f}%"></div>' if fraction else ""
    return f'<div style="{_CELL}">{format_percent(probability, 1)}{bar}</div>'
