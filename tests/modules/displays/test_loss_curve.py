"""The image of the losses shows the points at their places, in colors for any theme."""

import base64
import itertools
import math
import re

import pytest
from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st

from charloom.displays.loss_curve import EARLY, MAX_POINTS, loss_curve

losses = st.floats(0.01, 30)
runs = st.lists(losses, max_size=400)


def source(content: str) -> str:
    """Return the SVG of an image element."""
    [encoded] = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', content)
    return base64.b64decode(encoded).decode()


def points(values: list[float]) -> list[tuple[float, float]]:
    return [(k / max(len(values) - 1, 1), value) for k, value in enumerate(values)]


@given(runs, runs)
def test_lines_are_inside_and_have_the_order_of_the_losses(
    training: list[float], validation: list[float]
) -> None:
    content = loss_curve(points(training), points(validation), x_max=1.0)
    if not training and not validation:
        assert content == ""
        return
    check_is_safe(content)
    page = Page(content)
    [image] = page.images
    box = next(value for name, value in image.attributes if name == "viewbox")
    assert box is not None
    width, height = map(int, box.split()[2:])
    for line in page.paths():
        assert len(line) <= MAX_POINTS
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert all(0 <= x <= width and 0 <= y <= height for x, y in line)
    assert len(content) < 16_000


def test_points_are_where_the_axes_say() -> None:
    content = loss_curve([], [(0.0, 4.0), (0.5, 3.0), (1.0, 2.0)], x_max=1.0)
    content, page = source(content), Page(content)
    label = r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"[^>]*>([\d.]+)<'
    labels = re.findall(label, content)
    x_of = {float(text): float(x) for x, _, anchor, text in labels if anchor == "middle"}
    y_of = {float(text): float(y) - 4 for _, y, anchor, text in labels if anchor == "end"}
    # The first loss is in the early part of the run and above the axis.
    [[middle, end]] = page.paths()
    assert middle == pytest.approx(((x_of[40] + x_of[60]) / 2, y_of[3]), abs=0.2)
    assert end == pytest.approx((x_of[100], y_of[2]), abs=0.2)


@given(st.lists(losses, min_size=20, max_size=140))
def test_late_losses_are_never_cut(values: list[float]) -> None:
    run = points(values)
    drawn = Page(loss_curve(run, [], x_max=1.0)).paths()[0]
    late = [y for x, y in run if x >= EARLY]
    shown = [y for _, y in drawn[-len(late) :]]
    for (one, other), (pixel, next_pixel) in zip(
        itertools.pairwise(late), itertools.pairwise(shown), strict=True
    ):
        assert math.copysign(1, one - other) * (pixel - next_pixel) <= 0.1001


def test_a_line_that_is_above_the_axis_as_a_whole_is_left_out() -> None:
    content = loss_curve([(0.0, 9.0)], [(0.5, 3.0), (1.0, 2.0)], x_max=1.0)
    assert len(Page(content).paths()) == 1
    assert "training loss 9.000" in content


@pytest.mark.parametrize(
    ("seconds", "title", "last"),
    [(50.0, "seconds", "50"), (300.0, "minutes", "5"), (36_000.0, "hours", "10")],
)
def test_time_has_a_unit_that_fits(seconds: float, title: str, last: str) -> None:
    svg = source(loss_curve([(0.0, 3.0), (seconds, 2.0)], []))
    assert f">{title}</text>" in svg
    assert f'text-anchor="middle">{last}</text>' in svg


def luminance(color: str) -> float:
    """Return the relative luminance of a color; https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_lines_are_visible_on_the_backgrounds_of_light_and_dark_themes() -> None:
    content = loss_curve([(0.0, 3.0), (1.0, 2.0)], [(0.0, 3.0), (1.0, 2.5)])
    colors = set(re.findall(r"#[0-9a-f]{6}", source(content)))
    assert len(colors) == 3
    for color in colors:
        for background in ("#ffffff", "#111111", "#1e1e1e"):
            low, high = sorted((luminance(color), luminance(background)))
            assert (high + 0.05) / (low + 0.05) >= 3
