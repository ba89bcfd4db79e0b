"""Scatter charts of two quantities, with the Pareto frontier of their points."""

import dataclasses
from collections.abc import Sequence

from charloom.displays.scales import Scale, axis_label, spread_labels
from charloom.report.charts import (
    BOTTOM,
    HEIGHT,
    KINDS,
    LABEL_GAP,
    LEFT,
    TOP,
    WIDTH,
    Axis,
    Chart,
    Label,
    Line,
    Mark,
    Points,
    svg_path,
)

_MAX_LABELLED_POINTS = 10
"""Of more points, only those on the frontier are labelled."""
_RIGHT = WIDTH - 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScatterPoint:
    """A named point, in values of the axes."""

    name: str
    x: float
    y: float
    kind: int


def scatter_chart(
    points: Sequence[ScatterPoint],
    *,
    title: str,
    x_title: str,
    y_title: str,
    more_is_better: bool,
) -> Chart:
    """Return marks over a logarithmic axis, and a line along the Pareto frontier.

    Lower ``y`` is better; so is lower ``x``, unless ``more_is_better``.
    """
    x_scale = Scale.from_values([p.x for p in points], LEFT, _RIGHT, logarithmic=True, margin=0.12)
    y_scale = Scale.from_values([p.y for p in points], HEIGHT - BOTTOM, TOP, margin=0.12)
    best = pareto_frontier([(p.x, p.y) for p in points], more_is_better=more_is_better)
    frontier = sorted((points[index] for index in best), key=lambda p: p.x)
    corners = _staircase([(p.x, p.y) for p in frontier], more_is_better)
    many = len(points) > _MAX_LABELLED_POINTS
    return Chart(
        title=title,
        description=f"{title}; on the Pareto frontier: {', '.join(p.name for p in frontier)}.",
        x=Axis.from_scale(x_title, x_scale),
        y=Axis.from_scale(y_title, y_scale),
        lines=(Line(path=svg_path(corners, x_scale, y_scale), kind=-1, tooltip="Pareto frontier"),),
        marks=tuple(
            Mark(
                x=x_scale(p.x),
                y=y_scale(p.y),
                kind=p.kind % KINDS,
                tooltip=f"{p.name}: {p.y:.4f} at {axis_label(p.x)}",
            )
            for p in points
        ),
        labels=_point_labels(
            [points[index] for index in best] if many else points, x_scale, y_scale
        ),
        right=_RIGHT,
    )


def pareto_frontier(points: Points, *, more_is_better: bool) -> list[int]:
    """Return the indices of the points that no other point dominates.

    A point dominates another if it is at least as good in both coordinates and better in one.

    >>> pareto_frontier([(1, 3.0), (2, 2.0), (3, 2.5), (4, 1.0)], more_is_better=False)
    [0, 1, 3]
    """
    sign = -1.0 if more_is_better else 1.0

    def dominates(other: tuple[float, float], point: tuple[float, float]) -> bool:
        no_worse = sign * other[0] <= sign * point[0] and other[1] <= point[1]
        return no_worse and other != point

    return [
        index
        for index, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
    ]


def _staircase(frontier: Points, more_is_better: bool) -> Points:
    """Return the frontier, sorted by x, with a corner between each two of its points.

    Between two points the line has the worse of both values: no better one is known there.
    """
    steps = list(frontier[:1])
    for (x, y), (next_x, next_y) in zip(frontier, frontier[1:], strict=False):
        steps += [(x, next_y) if more_is_better else (next_x, y), (next_x, next_y)]
    return steps


def _point_labels(
    points: Sequence[ScatterPoint], x_scale: Scale, y_scale: Scale
) -> tuple[Label, ...]:
    """Return names right of the points; left of those in the right half."""
    middle = (x_scale.start + x_scale.stop) / 2
    labels: list[Label] = []
    for is_left in (False, True):
        group = [p for p in points if (x_scale(p.x) > middle) == is_left]
        positions = spread_labels(
            [y_scale(p.y) for p in group], LABEL_GAP, TOP + 6, HEIGHT - BOTTOM - 6
        )
        labels += [
            Label(
                x=x_scale(p.x) + (-10 if is_left else 10),
                y=y,
                kind=p.kind % KINDS,
                text=p.name,
                anchor="end" if is_left else "start",
            )
            for p, y in zip(group, positions, strict=True)
        ]
    return tuple(labels)
