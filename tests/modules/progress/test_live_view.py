"""A run on a terminal: the bytes that rich writes to it."""

import io
import locale
import sys

import pytest
from rich.console import Console
from training_events import plan, sample, step, stopped, validation

from charloom.events import Event
from charloom.progress.live_view import LiveProgressView, choose_view
from charloom.progress.plain_view import ProgressView, SilentView


def drawn(*events: Event, columns: int = 80, started: bool = True, color: bool = False) -> str:
    """Return what a live view writes for events; its clock advances a second at each reading."""
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        width=columns,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    ticks = iter(range(10**6))
    with LiveProgressView(console, clock=lambda: float(next(ticks))) as view:
        view.on_read(2_500_000, 10_000_000)
        if started:
            view.start(plan(training={"steps": 9, "prompts": ("To ",)}))
        for event in events:
            view(event)
    return file.getvalue()


def test_panel_is_drawn_after_a_step_and_erased_at_the_end() -> None:
    text = drawn(step(30.0, 0.25))
    assert "reading" in text
    bar, training, measured, bottom = text.replace("\r", "\n").splitlines()[-5:-1]
    assert bar.rpartition("\x1b[2K")[2] == f"      25 %  {'━' * 8}{'─' * 26}  1:30 left, epoch 2"
    assert training == f"  training  {' ' * 8}▅{' ' * 25}  2.346 bits/char, best 2.346"
    assert measured == f"validation  {' ' * 34}  not yet measured"
    assert bottom == "            23k char/s, 412 MB  ▁ 2.35  █ 2.35  Ctrl-C: stop and keep"
    assert text.endswith("\x1b[2K")


def test_progress_of_reading_is_a_bar() -> None:
    assert "━━━━━─────────────── reading, 25% of 10.0 MB" in drawn()


def test_terminal_has_the_lines_of_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    events = (validation(2.5, best=True), sample("To be"), validation(2.7, overfitting=True))
    plain = ProgressView()
    for event in events:
        plain(event)
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    text = drawn(*events, stopped(), columns=250)
    for line in lines:
        assert line in text
    assert "are in runs/my titles" in text.replace("\\", "/")


def test_long_samples_are_truncated_and_indented() -> None:
    text = drawn(sample("To " + "be or " * 100), columns=60)
    shown = text[text.index("  temp 0.5  ") : text.index("...") + 3]
    first, *others = (line.rstrip() for line in shown.splitlines())
    assert all(line.startswith(" " * 12) and line[12] != " " for line in others)
    assert max(len(line) for line in (first, *others)) <= 60
    words = [*first.split()[2:], *" ".join(others).split()]
    assert " ".join(words) == ("To " + "be or " * 100)[:240].strip() + " ..."


def test_word_wider_than_the_terminal_is_folded() -> None:
    text = drawn(sample("~" * 100), columns=60)
    assert text.count("~") == 100


def test_control_characters_and_markup_in_samples_are_shown_as_text() -> None:
    text = drawn(sample("To \x1b[31m [bold]be[/bold] :smile:\x07"))
    assert "To <0x1B>[31m [bold]be[/bold] :smile:<0x07>" in text


def test_best_validation_loss_is_green() -> None:
    assert "\x1b[32mbest so far" in drawn(validation(2.5, best=True), color=True)
    assert "\x1b[32m" not in drawn(validation(2.5, best=True))


def test_cursor_is_restored_if_the_run_fails_before_its_start() -> None:
    text = drawn(started=False)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0


@pytest.mark.parametrize(
    ("encoding", "terminal", "blocks"),
    [
        ("utf-8", "xterm", True),
        ("latin-1", "xterm", False),
        ("ascii", "xterm", False),
        ("utf-8", "linux", False),
    ],
)
def test_curves_have_blocks_only_on_terminals_that_can_show_them(
    monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: str, blocks: bool
) -> None:
    monkeypatch.setattr(locale, "getencoding", lambda: encoding)
    monkeypatch.setenv("TERM", terminal)
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    console = Console(file=file, force_terminal=True, color_system=None, width=80)
    with LiveProgressView(console) as view:
        view.start(plan())
        view(step(30.0, 0.25))
    file.seek(0)
    shown = file.read()
    curve = f"  training  {' ' * 8}"
    assert (f"{curve}▅" in shown, f"{curve}=" in shown) == (blocks, not blocks)
    assert shown.isascii() or blocks or encoding == "utf-8"


def test_only_terminals_have_a_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose_view()) is ProgressView
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True)
    monkeypatch.setenv("TERM", "dumb")
    assert type(choose_view()) is ProgressView
    monkeypatch.setenv("TERM", "xterm")
    assert type(choose_view()) is LiveProgressView
    assert type(choose_view(silent=True)) is SilentView
