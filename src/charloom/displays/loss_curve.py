"""The losses of a run as a small SVG image, for the displays of notebooks.

It is the source of an image element: a notebook that is not trusted removes SVG elements, but not
images. An image does not inherit the color of text, so all its colors have a contrast above 3 to
the backgrounds of light and of dark themes. Dashes distinguish the lines without colors.
"""

import base64
import html
import itertools
from collections.abc import Sequence
from typing import Final

from charloom.displays.scales import Scale, axis_label, spread_labels
from charloom.model_folder.metrics import thin

MAX_POINTS: Final = 150
"""Approximate upper limit of the points of a line; the image shows no more."""
EARLY: Final = 0.2
"""The vertical axis ignores the highest losses of this fraction of the run, its beginning: they
would flatten the rest."""

_WIDTH, _HEIGHT = 440, 166
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 370, 20, 136
_LABEL_GAP: Final = 13.0
_STYLES: Final = {
    "training": 'stroke="#c8600c" stroke-width="1.6" stroke-dasharray="5 3"',
    "validation": 'stroke="#3a7bd5" stroke-width="2"',
}
_COLORS: Final = {"training": "#c8600c", "validation": "#3a7bd5"}
_GRAY: Final = "#777777"
_UNITS: Final = ((3600, "hours"), (60, "minutes"))
_MIN_UNITS: Final = 3
"""A time axis has the largest unit of which it shows this many."""

Points = Sequence[tuple[float, float]]
"""Positions on the horizontal axis, in order, and bits per character."""


def loss_curve(training: Points, validation: Points, *, x_max: float | None = None) -> str:
    """Return the image of both losses; empty if there is no point.

    Positions are seconds. With ``x_max``, they are fractions of the run instead, and the axis ends
    at ``x_max``.
    """
    lines = {
        name: thin(points, MAX_POINTS)
        for name, points in (("training", training), ("validation", validation))
        if points
    }
    if not lines:
        return ""
    points = [point for line in lines.values() for point in line]
    low, high = _range(points)
    last = max(x for x, _ in points)
    unit, title = (0.01, "percent of the run") if x_max else _time_unit(last)
    x_scale = Scale(low=0, high=(x_max or last or 1) / unit, start=_LEFT, stop=_RIGHT)
    y_scale = Scale.from_values([low, high], _BOTTOM, _TOP)
    drawn = {}
    for name, line in lines.items():
        visible = itertools.dropwhile(lambda point: point[1] > y_scale.high, line)
        if pixels := [(x_scale(x / unit), y_scale(min(y, y_scale.high))) for x, y in visible]:
            drawn[name] = pixels
    summary = ", ".join(f"{name} loss {line[-1][1]:.3f}" for name, line in lines.items())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-size="11" font-family="system-ui,sans-serif" '
        f'fill="{_GRAY}">{_axes(x_scale, y_scale, title)}{_lines(drawn)}</svg>'
    )
    return (
        f'<img alt="{html.escape(summary)} bits per character" '
        f'style="display:block;width:100%;max-width:{_WIDTH}px;height:auto" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
    )


def _range(points: Points) -> tuple[float, float]:
    """Return the lowest loss, and the highest one but for the beginning of the run."""
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    late = [y for x, y in points if x >= first + EARLY * (last - first)]
    return min(y for _, y in points), max(late)


def _time_unit(seconds: float) -> tuple[float, str]:
    """Return the seconds of a unit of time, and its name."""
    for size, name in _UNITS:
        if seconds >= _MIN_UNITS * size:
            return size, name
    return 1, "seconds"


def _axes(x_scale: Scale, y_scale: Scale, title: str) -> str:
    parts = []
    for tick in y_scale.ticks(4):
        y = f"{y_scale(tick):.1f}"
        parts.append(_segment(f"M{_LEFT} {y}H{_RIGHT}"))
        parts.append(_text(_LEFT - 5, y_scale(tick) + 4, axis_label(tick), "end"))
    for tick in x_scale.ticks(4):
        parts.append(_text(x_scale(tick), _BOTTOM + 12, axis_label(tick), "middle"))
    parts.append(_text(_RIGHT, _BOTTOM + 23, title, "end"))
    parts.append(_text(_RIGHT, _TOP - 9, "bits per character", "end"))
    return "".join(parts)


def _lines(drawn: dict[str, list[tuple[float, float]]]) -> str:
    parts = []
    for name, line in drawn.items():
        # A line of a single point is drawn as a dot.
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) + "h0"
        parts.append(
            f'<path d="{path}" fill="none" stroke-linejoin="round" stroke-linecap="round" '
            f"{_STYLES[name]}/>"
        )
    ends = [line[-1][1] for line in drawn.values()]
    for name, y in zip(drawn, spread_labels(ends, _LABEL_GAP, _TOP, _BOTTOM), strict=True):
        x = max(point[0] for line in drawn.values() for point in line[-1:])
        parts.append(
            f'<text x="{min(x, _RIGHT) + 6:.1f}" y="{y + 4:.1f}" fill="{_COLORS[name]}">'
            f"{name}</text>"
        )
    return "".join(parts)


def _segment(path: str) -> str:
    return f'<path d="{path}" stroke="{_GRAY}" stroke-opacity=".35"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
