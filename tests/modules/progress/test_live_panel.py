import dataclasses
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.events import Step, Validation
from charloom.formatting import format_duration
from charloom.progress.live_panel import HINTS, MARGIN, ProgressPanel

STEP = Step(
    step=9,
    seconds=30.0,
    epoch=2,
    progress=0.25,
    bits_per_character=2.5,
    characters_per_second=23_456.7,
    learning_rate=0.1,
    memory_bytes=412_300_000,
    device_memory_bytes=None,
)


def step(progress: float, bits: float, **changes: Any) -> Step:
    return dataclasses.replace(STEP, progress=progress, bits_per_character=bits, **changes)


def validation(progress: float, bits: float) -> Validation:
    return Validation(
        step=9,
        seconds=30.0,
        epoch=2,
        progress=progress,
        bits_per_character=bits,
        training_bits_per_character=bits,
        best=True,
        overfitting=False,
    )


def lines(panel: ProgressPanel, columns: int = 77, rows: int = 24) -> list[str]:
    return [line.plain.rstrip() for line in panel.draw(columns, rows)]


def test_a_run_as_it_is_seen() -> None:
    panel = ProgressPanel(blocks=True)
    for tenth in range(1, 6):
        panel.add_step(step(tenth / 10, 4.0 - tenth / 4))
        if tenth in (2, 4):
            panel.add_validation(validation(tenth / 10, 4.25 - tenth / 4))
    assert lines(panel, 60) == [
        "      50 %  ━━━━━━━━━━━━━──────────────  0:30 left, epoch 2",
        "  training    ███▆▆▆▅▅▃▃▃▁               2.750, best 2.750",
        "validation       █████▅▅▅▅               3.250, best 3.250",
        "            23k char/s, 412 MB  ▁ 2.75  █ 3.75",
    ]


def test_hours_left_on_a_narrow_terminal_leave_no_room_for_the_epoch() -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(step(1 / 128, 4.0))
    assert lines(panel, 60)[0].endswith("  1:03:30 left")
    assert lines(panel, 80)[0].endswith("  1:03:30 left, epoch 2")


def test_time_left_by_a_guess_from_nothing_is_not_told() -> None:
    panel = ProgressPanel(blocks=True)
    for progress in (0.0, 1e-95, 1e-6):
        panel.add_step(step(progress, 4.0))
        assert lines(panel, 60)[0].endswith("  ? left, epoch 2")


@example(columns=60, blocks=False, points=[(1 / 128, 0.0)], measured=False)
@given(
    st.integers(60, 200),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 30)), max_size=20),
    st.booleans(),
)
def test_lines_fit_and_bar_and_curves_stand_one_below_the_other(
    columns: int, blocks: bool, points: list[tuple[float, float]], measured: bool
) -> None:
    panel = ProgressPanel(blocks=blocks)
    for progress, bits in sorted(points):
        panel.add_step(step(progress, bits))
        if measured:
            panel.add_validation(validation(progress, bits))
    drawn = panel.draw(columns, 24)
    assert len(drawn) == 4
    assert all(line.cell_len <= columns for line in drawn)
    bar = re.search(r"[━─]+|[=-]+", drawn[0].plain)
    assert bar is not None
    assert bar.start() == MARGIN + 2
    for line in drawn[1:3]:
        assert line.plain[bar.end() : bar.end() + 2] == "  "
        told = line.plain[bar.end() + 2]
        assert told != " "
    if not blocks:
        assert all(line.plain.isascii() for line in drawn)


def test_figures_are_those_of_the_last_event_and_the_best() -> None:
    panel = ProgressPanel(blocks=False)
    for k, bits in enumerate((3.0, 2.25, 2.5)):
        panel.add_step(step((k + 1) / 10, bits))
        panel.add_validation(validation((k + 1) / 10, bits + 1))
    panel.add_step(
        step(0.5, 2.375, characters_per_second=950.0, seconds=7300.0, device_memory_bytes=2 * 10**9)
    )
    bar, training, figure, bottom = lines(panel, 120)
    assert bar.endswith(f"{format_duration(7300)} left, epoch 2")
    assert training.endswith("  2.375 bits/char, best 2.250")
    assert figure.endswith("  3.500 bits/char, best 3.250")
    assert bottom.startswith(" " * 12 + "950 char/s, 412 MB, GPU 2.0 GB  _ 2.25  # 4.00  ")
    assert bottom.endswith(HINTS[0])


def test_before_the_first_step_nothing_is_made_up() -> None:
    assert lines(ProgressPanel(blocks=False), 77) == [
        f"       0 %  {'-' * 34}",
        f"  training  {' ' * 34}  not yet measured",
        f"validation  {' ' * 34}  not yet measured",
        f"            {HINTS[0]}",
    ]


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_terminal_of_few_rows_gets_the_bar(rows: int) -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(STEP)
    assert lines(panel, 77, rows) == lines(panel, 77)[:1]


def test_a_run_that_is_over_fills_the_bar() -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(step(1.0, 2.0))
    assert lines(panel)[0] == f"     100 %  {'━' * 34}  0:00 left, epoch 2"
