"""Hidden units over a text: a cell for each symbol and unit, as SVG images.

Bars rise from the middle of a cell for positive values and fall for negative ones, so the sign has
a direction and a color. A shade of the whole cell has the same color, and the strength of the
value. Gates between 0 and 1 rise from the bottom.

The text is cut into lines of some symbols. Each is an image of its own, so as many of them are
side by side as fit. The images have colors for any theme, as in ``loss_curve``.

Axes: T positions, U units that are shown.
"""

import base64
import dataclasses
import html
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.formatting import format_count
from charloom.text.symbols import replace_surrogates

MAX_SYMBOLS: Final = 600
"""Positions that are shown, the first ones."""
LINE_SYMBOLS: Final = 24
"""Positions of a line."""
MAX_LABEL: Final = 12
"""Characters that are shown of a symbol."""
BOUNDARY_SIGN: Final = "■"

# Control characters, and those that XML does not allow.
_NOT_SHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_POSITIVE, _NEGATIVE, _GRAY = "#c8600c", "#3a7bd5", "#777777"
_LEFT, _COLUMN, _ROW, _LETTER = 28, 13, 17, 8
_CELL: Final = _ROW - 2
_SHADE: Final = 0.35
"""Opacity of a cell with the largest value."""
_SHADES: Final = 7
_MIN_BAR: Final = 0.5
_GAP: Final = 14
# Not a flex box: JupyterLab keeps its lines from wrapping in notebooks that are not trusted.
_IMAGE: Final = (
    f"display:inline-block;width:100%;height:auto;box-sizing:border-box;padding:0 {_GAP}px 6px 0"
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StateMap:
    """Values of some units of a layer over a text, as a notebook shows them."""

    title: str
    symbols: tuple[str, ...]
    """The symbol of each position, (T,); the first is the boundary."""
    units: tuple[int, ...]
    """Numbers of the units, (U,), from 0."""
    values_TU: NDArray[Any]
    scale: float
    """The absolute value of the longest bar."""
    signed: bool
    """Whether values may be negative."""

    def __repr__(self) -> str:
        return f"<{self.title}: {self._caption()}>"

    def _repr_html_(self) -> str:
        shown = min(len(self.symbols), MAX_SYMBOLS)
        lines = [self._image(*line) for line in _lines(self.symbols[:shown])]
        cut = len(self.symbols) - shown
        note = f"<div>... and {format_count(cut, 'more symbol')}</div>" if cut else ""
        title = html.escape(self.title)
        signs = ", up and orange is positive, down and blue negative" if self.signed else ""
        return (
            '<div style="font:13px/1.45 system-ui,sans-serif;text-align:left">'
            f"<div><b>{title}</b> "
            f"{self._caption()}{signs}</div>"
            f"<div>{''.join(lines)}</div>{note}</div>"
        )

    def _caption(self) -> str:
        low, high = float(self.values_TU.min()), float(self.values_TU.max())
        units = format_count(len(self.units), "unit")
        return f"{units}, {low:.2f} to {high:.2f}; a full bar is {self.scale:.3g}"

    def _image(self, first: int, stop: int) -> str:
        """Return the image of the positions from ``first`` to before ``stop``."""
        labels = [_label(symbol) for symbol in self.symbols[first:stop]]
        if first == 0:
            labels[0] = BOUNDARY_SIGN
        top = _LETTER * max(2, *map(len, labels))
        width, height = _LEFT + LINE_SYMBOLS * _COLUMN, top + len(self.units) * _ROW
        letters = [_text(label, _middle(column), top) for column, label in enumerate(labels)]
        numbers = [_number(str(unit), top + row * _ROW + 12) for row, unit in enumerate(self.units)]
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" fill="{_GRAY}" font-size="12" '
            f'font-family="ui-monospace,monospace">{_number("unit", top - 4)}'
            f"{''.join(letters)}{''.join(numbers)}{self._cells(first, stop, top)}</svg>"
        )
        spelled = html.escape(replace_surrogates("".join(labels)))
        return (
            f'<img alt="{html.escape(self.title)}, over: {spelled}" '
            f'style="{_IMAGE};max-width:{width + _GAP}px" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
        )

    def _cells(self, first: int, stop: int, top: int) -> str:
        """Return the shades and the bars, a path for each color and strength."""
        paths: dict[tuple[str, float], list[str]] = {}
        for (column, row), value in np.ndenumerate(self.values_TU[first:stop]):
            x, y = _LEFT + column * _COLUMN, top + row * _ROW + 1
            strength = min(abs(float(value)) / self.scale, 1)
            color = _POSITIVE if value >= 0 else _NEGATIVE
            opacity = round(_SHADE * round(strength * _SHADES) / _SHADES, 2)
            if opacity:
                paths.setdefault((color, opacity), []).append(_box(x, y, _CELL))
            full = _CELL / 2 if self.signed else _CELL
            length = max(strength * full, _MIN_BAR)
            bar = _box(x, y + full - (length if value >= 0 else 0), length)
            paths.setdefault((color, 1), []).append(bar)
        return "".join(
            f'<path fill="{color}" fill-opacity="{opacity:g}" d="{"".join(boxes)}"/>'
            for (color, opacity), boxes in sorted(paths.items(), key=lambda item: item[0][1])
        )


def _lines(symbols: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first position of each line and the position after it.

    A line ends after a white space if there is one in its last third.
    """
    first = 0
    while first < len(symbols):
        stop = min(first + LINE_SYMBOLS, len(symbols))
        if stop < len(symbols):
            spaces = [k + 1 for k in range(first, stop) if symbols[k].isspace()]
            if spaces and spaces[-1] - first > LINE_SYMBOLS * 2 // 3:
                stop = spaces[-1]
        yield first, stop
        first = stop


def _box(x: int, y: float, height: float) -> str:
    width = _COLUMN - 1
    return f"M{x} {round(y, 1):g}h{width}v{round(height, 1):g}h-{width}z"


def _middle(column: int) -> float:
    return _LEFT + (column + 0.5) * _COLUMN


def _number(text: str, y: float) -> str:
    return f'<text x="{_LEFT - 4}" y="{y:g}" text-anchor="end" font-size="10">{text}</text>'


def _label(symbol: str) -> str:
    """Return a symbol as it is shown in one line."""
    text = symbol.replace("\n", "↵").replace("\t", "⇥")
    text = _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", replace_surrogates(text))
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"


def _text(label: str, x: float, bottom: float) -> str:
    """Return the label of a column; it is vertical if it has several characters."""
    if not label.strip():
        return ""
    escaped = html.escape(label)
    if len(label) == 1:
        return f'<text x="{x:.1f}" y="{bottom - 4}" text-anchor="middle">{escaped}</text>'
    return f'<text transform="translate({x + 4:.1f} {bottom - 3}) rotate(-90)">{escaped}</text>'
