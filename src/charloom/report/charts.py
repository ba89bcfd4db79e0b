"""Charts as data: positions of lines, marks and labels, for templates of SVG.

Colors are in the style sheet. The ``kind`` of a series, a number, selects its color, the dashes of
its line and the shape of its marks, so that series are distinguishable without colors.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from charloom.displays.scales import Scale, axis_label, spread_labels

WIDTH: Final = 720
HEIGHT: Final = 330
LEFT, TOP, BOTTOM = 58, 18, 46
"""Pixels around the plot area; tick labels are on the left."""
CHARACTER_WIDTH: Final = 7.4
"""Pixels reserved for a character of a label; enough for wide ones."""
KINDS: Final = 3
"""Number of different colors, dashes and shapes; a fourth series looks like the first."""
LABEL_GAP: Final = 15.0
"""Pixels between the baselines of two labels."""

Points = Sequence[tuple[float, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tick:
    """A labeled position on an axis."""

    position: float
    label: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis with its ticks; the title includes the unit."""

    title: str
    ticks: tuple[Tick, ...]

    @classmethod
    def from_scale(cls, title: str, scale: Scale) -> "Axis":
        """Return an axis with ticks at round values."""
        ticks = (Tick(position=scale(tick), label=axis_label(tick)) for tick in scale.ticks())
        return cls(title=title, ticks=tuple(ticks))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """A mark at a point."""

    x: float
    y: float
    kind: int
    tooltip: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points."""

    path: str
    """The ``d`` attribute of an SVG path."""
    kind: int
    tooltip: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Label:
    """The name of a series or of a point, beside it."""

    x: float
    y: float
    kind: int
    text: str
    anchor: str = "start"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """A horizontal line across the plot."""

    y: float
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart; positions are pixels from its upper left corner."""

    title: str
    description: str
    """The content in words, for screen readers."""
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    labels: tuple[Label, ...] = ()
    levels: tuple[Level, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series:
    """The points of one line, in values of the axes."""

    name: str
    points: Points
    kind: int
    labelled: bool = True
    """Whether the name is beside the end of the line."""
    marked: bool = False
    """Whether each point has a mark."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Annotation:
    """A mark at a point of a line chart, in values of the axes."""

    x: float
    y: float
    kind: int
    tooltip: str


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    levels: Mapping[str, float] | None = None,
    annotations: Sequence[Annotation] = (),
) -> Chart | None:
    """Return a chart of lines over a common axis; None if there is no point.

    ``levels`` are values, by name, of horizontal lines.
    """
    series = [line for line in series if line.points]
    if not series:
        return None
    levels = levels or {}
    labelled = [line for line in series if line.labelled]
    names = [(line.name, line.kind) for line in labelled] + [(name, -1) for name in levels]
    right = WIDTH - 20 - round(CHARACTER_WIDTH * max((len(name) for name, _ in names), default=0))
    points = [point for line in series for point in line.points]
    x_scale = Scale.from_values([x for x, _ in points], LEFT, right, margin=0.0)
    y_scale = Scale.from_values([*(y for _, y in points), *levels.values()], HEIGHT - BOTTOM, TOP)
    ends = [*(line.points[-1][1] for line in labelled), *levels.values()]
    label_positions = spread_labels([*map(y_scale, ends)], LABEL_GAP, TOP, HEIGHT - BOTTOM)
    return Chart(
        title=title,
        description=f"{title}: {', '.join(name for name, _ in names)}.",
        x=Axis.from_scale(x_title, x_scale),
        y=Axis.from_scale(y_title, y_scale),
        lines=tuple(
            Line(
                path=svg_path(line.points, x_scale, y_scale),
                kind=line.kind % KINDS,
                tooltip=line.name,
            )
            for line in series
        ),
        marks=tuple(
            Mark(x=x_scale(a.x), y=y_scale(a.y), kind=a.kind % KINDS, tooltip=a.tooltip)
            for a in [*annotations, *_point_annotations(series)]
        ),
        labels=tuple(
            Label(x=right + 10, y=y, kind=kind if kind < 0 else kind % KINDS, text=name)
            for (name, kind), y in zip(names, label_positions, strict=True)
        ),
        levels=tuple(Level(y=y_scale(value), text=name) for name, value in levels.items()),
        right=right,
    )


def _point_annotations(series: Sequence[Series]) -> list[Annotation]:
    return [
        Annotation(x=x, y=y, kind=line.kind, tooltip=f"{line.name}: {axis_label(x)}, {y:.4g}")
        for line in series
        if line.marked
        for x, y in line.points
    ]


def svg_path(points: Points, x_scale: Scale, y_scale: Scale) -> str:
    """Return the ``d`` attribute of an SVG path through ``points``."""
    return "M" + "L".join(f"{x_scale(x):.1f} {y_scale(y):.1f}" for x, y in points)
