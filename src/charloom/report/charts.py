"""Pictures as data: where each line, mark and label stands. The templates draw them as SVG.

Colours are left to the style sheet. A series has a number, which decides its colour, the dashes of
its line and the shape of its marks: none of them tells a thing alone.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from charloom.report.scales import Scale, axis_label, spread_labels

WIDTH: Final = 720
HEIGHT: Final = 330
LEFT, TOP, BOTTOM = 58, 18, 46
"""What stands around the plot itself, figures on the left."""
CHARACTER_WIDTH: Final = 7.4
"""Room for a character of a label, wide ones included."""
KINDS: Final = 3
"""Different colours, dashes and shapes; a fourth series looks like the first."""
_LABEL_GAP: Final = 15.0

Points = Sequence[tuple[float, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tick:
    """A figure beside an axis."""

    position: float
    label: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis with its title, unit included."""

    title: str
    ticks: tuple[Tick, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """A mark at a place, and what is told of it."""

    x: float
    y: float
    kind: int
    tooltip: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line with its name."""

    path: str
    """As SVG spells a path."""
    kind: int
    tooltip: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Label:
    """A name beside what it names."""

    x: float
    y: float
    kind: int
    text: str
    anchor: str = "start"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """A level line right across, with what it stands for."""

    y: float
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture."""

    title: str
    description: str
    """What it shows, for those who do not see it."""
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
    """What one line or one group of marks shows."""

    name: str
    points: Points
    kind: int
    labelled: bool = True
    """Whether its name stands beside its end."""
    marked: bool = False
    """Whether each point has a mark."""


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    y_title: str,
    levels: Mapping[str, float] | None = None,
    marks: Sequence[tuple[float, float, int, str]] = (),
) -> Chart | None:
    """Return lines over a common axis, None if there is no point; ``levels`` go right across.

    ``marks`` are places that mean something, each with the number of a series and with what is
    told.
    """
    series = [one for one in series if one.points]
    if not series:
        return None
    levels = levels or {}
    places = [point for one in series for point in one.points]
    names = [one.name for one in series if one.labelled] + list(levels)
    right = WIDTH - 20 - round(CHARACTER_WIDTH * max(map(len, names), default=0))
    across = Scale.from_values([point[0] for point in places], LEFT, right, margin=0.0)
    heights = [*(point[1] for point in places), *levels.values()]
    up = Scale.from_values(heights, HEIGHT - BOTTOM, TOP)
    shown = [one for one in series if one.labelled]
    ends = [*(up(one.points[-1][1]) for one in shown), *map(up, levels.values())]
    heights = spread_labels(ends, _LABEL_GAP, TOP, HEIGHT - BOTTOM)
    named = [(one.name, one.kind) for one in shown] + [(name, -1) for name in levels]
    return Chart(
        title=title,
        description=f"{title}: {', '.join(name for name, _ in named)}.",
        x=_axis(x_title, across),
        y=_axis(y_title, up),
        lines=tuple(
            Line(path=_path(one.points, across, up), kind=one.kind % KINDS, tooltip=one.name)
            for one in series
        ),
        marks=tuple(
            Mark(x=across(left), y=up(high), kind=kind % KINDS, tooltip=told)
            for left, high, kind, told in [*marks, *_point_marks(series)]
        ),
        labels=tuple(
            Label(x=right + 10, y=height, kind=kind if kind < 0 else kind % KINDS, text=name)
            for (name, kind), height in zip(named, heights, strict=True)
        ),
        levels=tuple(Level(y=up(value), text=name) for name, value in levels.items()),
        right=right,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScatterPoint:
    """One of the things that a scatter chart shows."""

    name: str
    x: float
    y: float
    kind: int


def scatter_chart(
    points: Sequence[ScatterPoint], *, title: str, x_title: str, y_title: str, more_is_better: bool
) -> Chart:
    """Return marks over a logarithmic axis, and the frontier: those that none beats in both.

    Less of ``y`` is better, and so is less of ``x``, unless ``more_is_better``.
    """
    across = Scale.from_values(
        [p.x for p in points], LEFT, WIDTH - 24, logarithmic=True, margin=0.12
    )
    up = Scale.from_values([p.y for p in points], HEIGHT - BOTTOM, TOP, margin=0.12)
    best = pareto_frontier([(p.x, p.y) for p in points], more_is_better=more_is_better)
    edge = sorted(best, key=lambda index: points[index].x)
    steps = _staircase([(points[k].x, points[k].y) for k in edge], more_is_better)
    named = best if len(points) > 10 else range(len(points))
    return Chart(
        title=title,
        description=f"{title}; not beaten: {', '.join(points[k].name for k in edge)}.",
        x=_axis(x_title, across),
        y=_axis(y_title, up),
        lines=(Line(path=_path(steps, across, up), kind=-1, tooltip="not beaten in both"),),
        marks=tuple(
            Mark(
                x=across(p.x),
                y=up(p.y),
                kind=p.kind % KINDS,
                tooltip=f"{p.name}: {p.y:.4f} at {axis_label(p.x)}",
            )
            for p in points
        ),
        labels=_point_labels([points[k] for k in named], across, up),
        right=WIDTH - 24,
    )


def pareto_frontier(places: Points, *, more_is_better: bool) -> list[int]:
    """Return those of ``places`` that no other one equals or beats in both and beats in one.

    >>> pareto_frontier([(1, 3.0), (2, 2.0), (3, 2.5), (4, 1.0)], more_is_better=False)
    [0, 1, 3]
    """
    sign = -1.0 if more_is_better else 1.0

    def beats(other: tuple[float, float], one: tuple[float, float]) -> bool:
        less = sign * other[0] <= sign * one[0] and other[1] <= one[1]
        return less and (other[0] != one[0] or other[1] != one[1])

    return [
        index for index, one in enumerate(places) if not any(beats(other, one) for other in places)
    ]


def _staircase(edge: Points, more_is_better: bool) -> Points:
    """Return the corners between the places of a frontier, which go to the right."""
    steps = list(edge[:1])
    for (left, high), (right, low) in zip(edge, edge[1:], strict=False):
        # On the way to the next one, nothing better is known than the worse of both.
        steps += [(left, low) if more_is_better else (right, high), (right, low)]
    return steps


def _point_labels(places: Sequence[ScatterPoint], across: Scale, up: Scale) -> tuple[Label, ...]:
    """Return the names of places, right of them, or left where the picture ends."""
    middle = (across.start + across.stop) / 2
    found: list[Label] = []
    for is_left in (False, True):
        own = [p for p in places if (across(p.x) > middle) == is_left]
        heights = spread_labels([up(p.y) for p in own], _LABEL_GAP, TOP + 6, HEIGHT - BOTTOM - 6)
        found += [
            Label(
                x=across(p.x) + (-10 if is_left else 10),
                y=height,
                kind=p.kind % KINDS,
                text=p.name,
                anchor="end" if is_left else "start",
            )
            for p, height in zip(own, heights, strict=True)
        ]
    return tuple(found)


def _point_marks(series: Sequence[Series]) -> list[tuple[float, float, int, str]]:
    return [
        (left, high, one.kind, f"{one.name}: {axis_label(left)}, {high:.4g}")
        for one in series
        if one.marked
        for left, high in one.points
    ]


def _axis(title: str, scale: Scale) -> Axis:
    return Axis(
        title=title,
        ticks=tuple(Tick(position=scale(tick), label=axis_label(tick)) for tick in scale.ticks()),
    )


def _path(points: Points, across: Scale, up: Scale) -> str:
    return "M" + "L".join(f"{across(left):.1f} {up(high):.1f}" for left, high in points)
