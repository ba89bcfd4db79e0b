import re

import pytest
import training_events as events
from hypothesis import example, given
from hypothesis import strategies as st

from charloom.events import Step, Validation
from charloom.formatting import format_duration
from charloom.progress.progress_panel import HINTS, MARGIN, ProgressPanel


def step(progress: float, bits: float) -> Step:
    return events.step(progress=progress, bits_per_character=bits)


def validation(progress: float, bits: float) -> Validation:
    return events.validation(bits, progress=progress)


def lines(panel: ProgressPanel, columns: int = 77, rows: int = 24) -> list[str]:
    return [line.plain.rstrip() for line in panel.draw(columns, rows)]


def test_four_lines_halfway_through_a_run() -> None:
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


def test_epoch_is_left_out_where_the_hours_left_fill_the_line() -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(step(1 / 128, 4.0))
    assert lines(panel, 60)[0].endswith("  1:03:30 left")
    assert lines(panel, 80)[0].endswith("  1:03:30 left, epoch 2")


def test_time_left_is_unknown_at_the_very_start() -> None:
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
def test_lines_fit_and_bar_and_curves_are_aligned(
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
        assert line.plain[bar.end() + 2] != " "
    if not blocks:
        assert all(line.plain.isascii() for line in drawn)


def test_metrics_are_those_of_the_latest_event_and_the_best() -> None:
    panel = ProgressPanel(blocks=False)
    for k, bits in enumerate((3.0, 2.25, 2.5)):
        panel.add_step(step((k + 1) / 10, bits))
        panel.add_validation(validation((k + 1) / 10, bits + 1))
    panel.add_step(
        events.step(
            7300.0,
            0.5,
            bits_per_character=2.375,
            characters_per_second=950.0,
            device_memory_bytes=2 * 10**9,
        )
    )
    bar, training, measured, bottom = lines(panel, 120)
    assert bar.endswith(f"{format_duration(7300)} left, epoch 2")
    assert training.endswith("  2.375 bits/char, best 2.250")
    assert measured.endswith("  3.500 bits/char, best 3.250")
    assert bottom.startswith(" " * 12 + "950 char/s, 412 MB, GPU 2.0 GB  _ 2.25  # 4.00  ")
    assert bottom.endswith(HINTS[0])


def test_before_the_first_step_there_are_no_metrics() -> None:
    assert lines(ProgressPanel(blocks=False), 77) == [
        f"       0 %  {'-' * 34}",
        f"  training  {' ' * 34}  not yet measured",
        f"validation  {' ' * 34}  not yet measured",
        f"            {HINTS[0]}",
    ]


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_terminal_of_few_rows_has_the_bar_only(rows: int) -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(step(0.25, 2.5))
    assert lines(panel, 77, rows) == lines(panel, 77)[:1]


def test_finished_run_fills_the_bar() -> None:
    panel = ProgressPanel(blocks=True)
    panel.add_step(step(1.0, 2.0))
    assert lines(panel)[0] == f"     100 %  {'━' * 34}  0:00 left, epoch 2"
