"""The symbols that may follow a text: a list that notebooks show as bars."""

import html
import math
from typing import Final

from charloom.displays.temperatures import NextAtTemperatures
from charloom.errors import SettingsError
from charloom.formatting import format_percent, quote_symbol
from charloom.generation.sampling import clamp_temperature
from charloom.settings import SamplingSettings
from charloom.settings.declaration import settings_of
from charloom.settings.records import check_value

MAX_BARS: Final = 12
"""Symbols that are shown, the most probable ones."""
_BAR_PIXELS: Final = 220
_GRID: Final = (
    "display:grid;grid-template-columns:max-content max-content minmax(0,1fr);gap:1px 12px;"
    "align-items:center;font:13px/1.45 system-ui,sans-serif;max-width:40em;text-align:left"
)
_BAR: Final = "height:.7em;background-color:#3a7bd5;border-radius:2px;max-width:100%"


class NextSymbols(list[tuple[str, float]]):
    """Pairs of a symbol and its probability, the most probable symbol first."""

    def at_temperature(self, temperature: float) -> "NextSymbols":
        """Return the distribution that generation at a temperature samples from.

        The symbols keep their order. Probabilities p become p^(1 / temperature), divided by their
        sum, which is 1: ``<unk>`` is never sampled. At 0 the first symbol has probability 1. A
        probability of 0 remains 0. Raises SettingsError unless ``temperature`` is a finite number
        of at least 0.
        """
        checked = _check_temperature(temperature)
        if checked == 0:
            return NextSymbols((symbol, float(k == 0)) for k, (symbol, _) in enumerate(self))
        exponent = 1 / float(clamp_temperature(checked))
        best = max((probability for _, probability in self), default=0)
        # Relative to the largest, so that no temperature makes all of them 0.
        weights = [
            (probability / best) ** exponent if probability else 0.0 for _, probability in self
        ]
        total = math.fsum(weights)
        return NextSymbols(
            (symbol, weight / total if total else 0.0)
            for (symbol, _), weight in zip(self, weights, strict=True)
        )

    def at_temperatures(self, *temperatures: float) -> NextAtTemperatures:
        """Return the distributions at several temperatures.

        A notebook shows them side by side. Raises SettingsError without any temperature, and for an
        invalid one.
        """
        if not temperatures:
            raise SettingsError("no temperature was given; give one or more, such as 0.3, 1, 1.8.")
        return NextAtTemperatures(
            temperatures=tuple(map(_check_temperature, temperatures)),
            distributions=tuple(map(self.at_temperature, temperatures)),
        )

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


def _check_temperature(temperature: float) -> float:
    """Return a temperature as a float; refuse it as the sampling settings do."""
    declared = settings_of(SamplingSettings)["temperature"]._replace(type=float)
    return float(check_value(declared, temperature))
