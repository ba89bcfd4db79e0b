"""The lines of a run in a log, compared to the letter."""

import dataclasses
import json
from itertools import accumulate
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_events import plan, sample, step, stopped, validation

from charloom.events import Event, Saved, Step
from charloom.jit.notice import FIRST_TIME
from charloom.model_folder.writer import ModelWriter
from charloom.progress.plain_view import ProgressView, SilentView, _advice
from charloom.runs.listeners import EventLog


def printed(capsys: pytest.CaptureFixture[str], *events: Event) -> str:
    """Return what a plain view prints for events, without a plan."""
    view = ProgressView()
    for event in events:
        view(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_plan_is_printed_with_aligned_headings(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressView().start(plan(training={"minutes": 1}))
    assert capsys.readouterr().err == (
        "  training  3 texts, 14 characters\n"
        "validation  1 text, 3 characters\n"
        "   symbols  4, level char; 1 symbol of the text is rare and becomes <unk>\n"
        "   network  GRU, 2 layers of 1200, embedding of 64: 1,300 parameters\n"
        "  settings  1 minute, minibatches of 32, muon, cpu, bf16, seed 0\n"
        "      note  two texts were left out.\n"
        "\n"
    )


def test_steps_are_logged_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [step(second, second / 60) for second in range(1, 31)]
    rest = "training 2.346 bits/char, 23,457 char/s, 412 MB"
    assert printed(capsys, *steps) == (
        f"      0:10  17 %, epoch 2, {rest}, 0:50 left\n"
        f"      0:20  33 %, epoch 2, {rest}, 0:40 left\n"
        f"      0:30  50 %, epoch 2, {rest}, 0:30 left\n"
    )


def test_long_run_logs_at_most_fifty_lines_on_steps(capsys: pytest.CaptureFixture[str]) -> None:
    log = printed(capsys, *(step(minute * 60.0, minute / 600) for minute in range(1, 601)))
    assert 40 < len(log.splitlines()) <= 50
    assert log.splitlines()[0].startswith("     12:00  2 %, epoch 2, ")


@given(st.lists(st.floats(0.01, 3.0), max_size=60))
def test_view_shows_the_same_steps_as_metrics_jsonl(gaps: list[float]) -> None:
    class StepRecorder(ProgressView):
        def show_step(self, event: Step) -> None:
            shown.append(event.to_json())

    class LineRecorder:
        def append(self, name: str, line: str) -> None:
            saved.append(json.loads(line))

    shown: list[Any] = []
    saved: list[Any] = []
    view, log = StepRecorder(), EventLog(cast(ModelWriter, LineRecorder()))
    for number, seconds in enumerate(accumulate(gaps)):
        event = dataclasses.replace(step(seconds, 0.5), step=number)
        log(event)
        view(event)
    assert shown == saved


def test_best_validation_loss_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, validation(2.5, best=True), validation(2.75)) == (
        "      1:15  epoch 3, validation 2.500 bits/char (training 1.500), best so far\n"
        "      1:15  epoch 3, validation 2.750 bits/char (training 1.500), best 2.500\n"
    )


def test_best_loss_before_a_resumed_run_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(plan(best=1.25))
    view(validation(1.5))
    assert "best 1.250" in capsys.readouterr().err


def test_overfitting_is_noted_once(capsys: pytest.CaptureFixture[str]) -> None:
    events = [validation(2.5, best=True), *(validation(2.7, overfitting=True) for _ in range(3))]
    text = printed(capsys, *events)
    assert text.count("epoch 3, validation") == 4
    assert text.count("      note  ") == 1
    assert text.endswith(
        "      note  Overfitting: the training loss still falls, but the validation loss does not. "
        "The weights with the best validation loss are kept. "
        "More text helps; a larger --dropout may help.\n"
        "      1:15  epoch 3, validation 2.700 bits/char (training 1.500), best 2.500\n"
        "      1:15  epoch 3, validation 2.700 bits/char (training 1.500), best 2.500\n"
    )


def test_samples_have_their_temperature_and_label_as_heading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = (sample("To be", 0), sample("To\nbe\x1b[2J\n", 0.5), sample("To", 1.25, "Sports"))
    assert printed(capsys, *events) == (
        "    greedy  To be\n  temp 0.5  To\n            be<0x1B>[2J\nSports at 1.25  To\n"
    )


def test_headings_with_short_labels_fit_the_margin(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, sample("To", 0, "1"), sample("To", 0.5, "1"), sample("To", 0)) == (
        "  1 greedy  To\n  1 at 0.5  To\n    greedy  To\n"
    )


def test_saved_models_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, Saved(step=1, seconds=1.0, bits_per_character=2.0)) == ""


@pytest.mark.parametrize("interrupted", [False, True])
def test_outcome_is_printed_after_an_empty_line(
    capsys: pytest.CaptureFixture[str], interrupted: bool
) -> None:
    view = ProgressView()
    view.start(plan())
    capsys.readouterr()
    view(stopped(interrupted=interrupted))
    assert view.interrupted == interrupted
    text = capsys.readouterr().err.replace("\\", "/")
    outcome = "Interrupted" if interrupted else "Done"
    assert text.startswith(
        f"\n{outcome}: the best weights, 1.500 bits per character, are in runs/my titles\n"
        "Try: charloom generate 'runs/my titles' -n 5\n"
    )
    assert text.endswith("--resume\n") == interrupted


def test_nothing_is_printed_at_the_end_of_a_run_that_saves_no_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = ProgressView()
    view.start(plan(output=None))
    capsys.readouterr()
    view(stopped())
    assert capsys.readouterr().err == ""
    view(stopped(interrupted=True))
    assert view.interrupted
    assert capsys.readouterr().err == (
        "\nInterrupted: the best weights, 1.500 bits per character, are returned. A run with "
        "output= can be resumed.\n"
    )


def test_loss_worse_than_a_uniform_choice_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(plan())
    capsys.readouterr()
    view(stopped(1.999))  # four symbols: log2(4) = 2
    assert "note" not in capsys.readouterr().err
    view(stopped(2.001))
    assert capsys.readouterr().err.startswith(
        "      note  The best validation loss is worse than that of a uniform choice among the 4 "
        "symbols: the network learned nothing. There are only 14 symbols to learn from: give more "
        "text.\n\nDone: "
    )


@pytest.mark.parametrize(
    ("symbols", "steps", "advice"),
    [
        (1999, 5000, "There are only 1,999 symbols to learn from: give more text."),
        (2000, 99, "It took 99 steps only: give it more --minutes or --steps."),
        (2000, 100, "Try a smaller --lr."),
    ],
)
def test_the_advice_names_the_likeliest_cause(symbols: int, steps: int, advice: str) -> None:
    assert _advice(symbols, steps) == advice


def test_progress_of_reading_is_logged_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = [0.0]
    view = ProgressView(clock=lambda: times[-1])
    for second in (1.0, 6.0, 11.0, 16.0, 20.9):
        times.append(second)
        view.on_read(10_000_000, 200_000_000)
    # 30 MB in the 10 s since the first of them; the next line is due at 21 s.
    assert capsys.readouterr().err == "reading, 15% of 200.0 MB, 3.0 MB/s, 0:57 left\n"


def test_compilation_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressView().on_compile(FIRST_TIME)
    assert capsys.readouterr().err == (
        "      note  code is compiled for this machine, the first time only: about ten seconds.\n"
    )


def test_silent_view_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    view = SilentView()
    view.start(plan())
    view.on_compile(FIRST_TIME)
    for event in (step(), validation(2.5, best=True), sample("To be"), stopped(interrupted=True)):
        view(event)
    assert view.interrupted
    assert capsys.readouterr() == ("", "")
