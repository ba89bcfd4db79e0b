"""The symbols that may follow a text: a list that notebooks show as bars."""

import html
from typing import Final

from charloom.formatting import format_percent, quote_symbol

MAX_BARS: Final = 12
"""Symbols that are shown, the most probable ones."""
_BAR_PIXELS: Final = 220
_GRID: Final = (
    "display:grid;grid-template-columns:max-content max-content minmax(0,1fr);gap:1px 12px;"
    "align-items:center;font:13px/1.45 system-ui,sans-serif;max-width:40em;text-align:left"
)
_BAR: Final = "height:.7em;background-color:#888;border-radius:2px;max-width:100%"


class NextSymbols(list[tuple[str, float]]):
    """Pairs of a symbol and its probability, the most probable symbol first."""

    def _repr_html_(self) -> str:
        shown = self[:MAX_BARS]
        largest = max((probability for _, probability in shown), default=1.0) or 1.0
        rows = [
            f'<div style="font-family:ui-monospace,monospace;white-space:pre">'
            f"{html.escape(quote_symbol(symbol))}</div>"
            f'<div style="text-align:right">{format_percent(probability, 1)}</div>'
            f'<div><div style="{_BAR};width:{_BAR_PIXELS * probability / largest:.0f}px"></div>'
            "</div>"
            for symbol, probability in shown
        ]
        others = self[MAX_BARS:]
        if others:
            percent = format_percent(sum(probability for _, probability in others), 1)
            rows.append(
                f'<div style="opacity:.7">{len(others):,} others</div>'
                f'<div style="text-align:right">{percent}</div><div></div>'
            )
        return f'<div style="{_GRID}">{"".join(rows)}</div>'
