import dataclasses
import io
import json
import locale
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import pytest
from corpora_by_hand import part
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from charloom.data.corpus import Corpus
from charloom.events import Event, Sample, Saved, Step, Stopped, Validation
from charloom.model_folder.writer import ModelWriter
from charloom.progress.plan_text import describe_plan
from charloom.progress.watch import LiveProgressView, ProgressView, choose_view
from charloom.runs.listeners import EventLog
from charloom.runs.plan import Plan
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

TEXTS = ["abba", "baba", "abx"]
KNOWN = Vocabulary.from_counts("char", "abx", (5, 5, 1), 2, len(TEXTS))


def plan(**training: Any) -> Plan:
    corpus = Corpus(
        training=part(TEXTS, KNOWN),
        validation=part(["bb"], KNOWN),
        vocabulary=KNOWN,
        labels=(),
        notes=("two texts were left out.",),
        fingerprint="0",
    )
    return Plan(
        text=TextSettings(),
        network=NetworkSettings(cell="gru", hidden=1200, layers=2),
        training=TrainingSettings(**training),
        corpus=corpus,
        layers=(("embedding", 256), ("cells.0", 1000), ("output", 44)),
        device="cpu",
        precision="bf16",
        output=Path("runs/my titles"),
        sources=("my titles.csv",),
    )


def step(seconds: float, progress: float) -> Step:
    return Step(
        step=9,
        seconds=seconds,
        epoch=2,
        progress=progress,
        bits_per_character=2.34567,
        characters_per_second=23456.7,
        learning_rate=0.1,
        memory_bytes=412_300_000,
        device_memory_bytes=None,
    )


def validation(figure: float, *, best: bool = False, overfitting: bool = False) -> Validation:
    return Validation(
        step=9,
        seconds=75.0,
        epoch=3,
        progress=0.5,
        bits_per_character=figure,
        training_bits_per_character=1.5,
        best=best,
        overfitting=overfitting,
    )


def sample(text: str, temperature: float = 0.5, label: str | None = None) -> Sample:
    return Sample(
        step=9, seconds=75.0, prompt="To ", temperature=temperature, label=label, text=text
    )


def stopped(figure: float | None = 1.5, *, interrupted: bool = False) -> Stopped:
    reason: Any = "interrupted" if interrupted else "budget"
    return Stopped(step=9, seconds=80.0, reason=reason, bits_per_character=figure)


def told(capsys: pytest.CaptureFixture[str], *events: Event) -> str:
    """Return what the plain view writes for events."""
    view = ProgressView()
    for event in events:
        view(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def drawn(*events: Event, columns: int = 80, started: bool = True, colour: bool = False) -> str:
    """Return what the view of a terminal writes for events, each drawn at once."""
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        width=columns,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    ticks = iter(range(10**6))
    with LiveProgressView(console, clock=lambda: float(next(ticks))) as view:
        view.on_read(2_500_000, 10_000_000)
        if started:
            view.start(plan(steps=9, prompts=("To ",)))
        for event in events:
            view(event)
    return file.getvalue()


def test_the_plan_is_told_before_the_first_step(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressView().start(plan(minutes=1))
    # Characters with one boundary a text.
    assert capsys.readouterr().err == (
        "learn from  3 texts, 14 characters\n"
        "measure on  1 text, 3 characters\n"
        "   symbols  4, level char; 1 symbol of the text is rarer and becomes <unk>\n"
        "   network  GRU, 2 layers of 1200, embedding of 64: 1,300 parameters\n"
        "  training  1 minute, minibatches of 32, muon, cpu, bf16, seed 0\n"
        "      note  two texts were left out.\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        ({}, "2 minutes"),
        ({"minutes": 0.5}, "0.5 minutes"),
        ({"epochs": 1}, "1 epoch"),
        ({"epochs": 3}, "3 epochs"),
        ({"steps": 12000}, "12,000 steps"),
    ],
)
def test_the_budget(capsys: pytest.CaptureFixture[str], budget: dict[str, Any], shown: str) -> None:
    ProgressView().start(plan(**budget))
    assert f"  training  {shown}, minibatches" in capsys.readouterr().err


def test_steps_are_logged_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [step(second, second / 60) for second in range(1, 31)]
    rest = "training 2.346 bits/char, 23,457 char/s, 412 MB"
    assert told(capsys, *steps) == (
        f"      0:10  17 %, epoch 2, {rest}, 0:50 left\n"
        f"      0:20  33 %, epoch 2, {rest}, 0:40 left\n"
        f"      0:30  50 %, epoch 2, {rest}, 0:30 left\n"
    )


def test_a_long_run_has_no_more_than_fifty_lines_on_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hours = told(capsys, *(step(minute * 60.0, minute / 600) for minute in range(1, 601)))
    assert 40 < len(hours.splitlines()) <= 50
    assert hours.splitlines()[0].startswith("     12:00  2 %, epoch 2, ")


@given(st.lists(st.floats(0.01, 3.0), max_size=60))
def test_both_views_tell_of_steps_that_metrics_jsonl_has(gaps: list[float]) -> None:
    class Told(ProgressView):
        def show_step(self, event: Step) -> None:
            shown.append(event.to_json())

    class Lines:
        def append(self, name: str, line: str) -> None:
            kept.append(json.loads(line))

    shown: list[Any] = []
    kept: list[Any] = []
    view, recorder = Told(), EventLog(cast(ModelWriter, Lines()))
    for number, seconds in enumerate(accumulate(gaps)):
        event = dataclasses.replace(step(seconds, 0.5), step=number)
        recorder(event)
        view(event)
    assert shown == kept


def test_a_figure_is_marked_when_it_is_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, validation(2.5, best=True), validation(2.75)) == (
        "      1:15  epoch 3, validation 2.500 bits/char (training 1.500), best so far\n"
        "      1:15  epoch 3, validation 2.750 bits/char (training 1.500), best 2.500\n"
    )


def test_overfitting_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    events = [validation(2.5, best=True), *(validation(2.7, overfitting=True) for _ in range(3))]
    text = told(capsys, *events)
    assert text.count("epoch 3, validation") == 4
    assert text.count("      note  ") == 1
    assert text.endswith(
        "      note  Overfitting: the training loss falls on, the validation figure does not, "
        "so the network begins to learn the text by heart. "
        "The weights of the best figure are kept. "
        "More text helps; so may a larger --dropout.\n"
        "      1:15  epoch 3, validation 2.700 bits/char (training 1.500), best 2.500\n"
        "      1:15  epoch 3, validation 2.700 bits/char (training 1.500), best 2.500\n"
    )


def test_samples_stand_beside_their_temperature(capsys: pytest.CaptureFixture[str]) -> None:
    events = (sample("To be", 0), sample("To\nbe\x1b[2J\n", 0.5), sample("To", 1.25, "Sports"))
    assert told(capsys, *events) == (
        "    greedy  To be\n  temp 0.5  To\n            be<0x1B>[2J\nSports at 1.25  To\n"
    )


def test_saved_models_are_not_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, Saved(step=1, seconds=1.0, bits_per_character=2.0)) == ""


@pytest.mark.parametrize(("prompts", "end"), [(("",), " -n 5"), (("", "To be "), " 'To be ' -n 5")])
def test_the_end_says_what_was_kept_where_and_what_to_do(
    capsys: pytest.CaptureFixture[str], prompts: tuple[str, ...], end: str
) -> None:
    view = ProgressView()
    view.start(plan(prompts=prompts))
    capsys.readouterr()
    view(stopped())
    assert not view.interrupted
    run = Path("runs/my titles")
    assert capsys.readouterr().err == (
        f"\nDone: the best weights, 1.500 bits per character, are in {run}\n"
        f"Try: charloom generate '{run}'{end}\n"
    )


def changed(changes: dict[str, Any], **training: Any) -> Plan:
    before = plan(**training)
    return dataclasses.replace(before, corpus=dataclasses.replace(before.corpus, **changes))


def test_rare_symbols_are_counted() -> None:
    many = dataclasses.replace(KNOWN, counts=(3, 2, 5, 5))
    [shown] = [
        text for name, text in describe_plan(changed({"vocabulary": many})) if name == "symbols"
    ]
    # 2 of 14 symbols, boundaries among them.
    assert shown == "4, level char; 2 symbols of the text (14 %) are rarer and become <unk>"


def test_symbols_of_prompts_that_are_not_known_are_told_at_the_start() -> None:
    notes = [text for name, text in describe_plan(plan(prompts=("a☃", "xb"))) if name == "note"]
    assert notes == [
        "two texts were left out.",
        'the model does not know "☃", "x": <unk> is fed in their place.',
    ]


def test_headings_of_short_labels_are_as_wide_as_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(capsys, sample("To", 0, "1"), sample("To", 0.5, "1"), sample("To", 0)) == (
        "  1 greedy  To\n  1 at 0.5  To\n    greedy  To\n"
    )


def test_a_model_with_labels_is_tried_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(changed({"labels": ("a b", "c")}))
    view(stopped(1.5))
    assert capsys.readouterr().err.endswith(" -n 5 --label 'a b'\n")


def test_a_figure_worse_than_blind_choice_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(plan())
    capsys.readouterr()
    view(stopped(1.999))  # four symbols: log2(4) = 2
    assert "note" not in capsys.readouterr().err
    view(stopped(2.001))
    assert capsys.readouterr().err.startswith(
        "      note  The best figure is worse than choosing blindly among the 4 symbols: nothing "
        "was learned. Try a smaller --lr.\n\nDone: "
    )


def test_an_interruption_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(plan())
    view(stopped(interrupted=True))
    assert view.interrupted
    told = capsys.readouterr().err.replace("\\", "/")
    assert "\nInterrupted: the best weights, 1.500 bits per character" in told
    assert told.endswith("\nGo on: charloom train 'my titles.csv' -o 'runs/my titles' --resume\n")


def test_the_best_figure_before_a_run_goes_on_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(dataclasses.replace(plan(), best=1.25, notes=("the run goes on.",)))
    assert "      note  the run goes on.\n      note  two texts" in capsys.readouterr().err
    view(validation(1.5))
    assert "best 1.250" in capsys.readouterr().err


def test_weights_that_were_not_measured_are_told_as_such(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = ProgressView()
    view.start(plan())
    view(stopped(None, interrupted=True))
    told = capsys.readouterr().err.replace("\\", "/")
    assert "\nInterrupted: the last weights, not measured, are in runs/my titles\n" in told


def test_nothing_is_promised_where_nothing_was_kept(capsys: pytest.CaptureFixture[str]) -> None:
    view = ProgressView()
    view.start(dataclasses.replace(plan(), output=None))
    capsys.readouterr()
    view(stopped())
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_how_far_it_has_come() -> None:
    text = drawn(step(30.0, 0.25))
    assert "reading" in text
    bar, training, figure, bottom = text.replace("\r", "\n").splitlines()[-5:-1]
    assert bar.rpartition("\x1b[2K")[2] == f"      25 %  {'━' * 8}{'─' * 26}  1:30 left, epoch 2"
    assert training == f"  training  {' ' * 8}▅{' ' * 25}  2.346 bits/char, best 2.346"
    assert figure == f"validation  {' ' * 34}  not yet measured"
    assert bottom == "            23k char/s, 412 MB  ▁ 2.35  █ 2.35  Ctrl-C: stop and keep"
    assert text.endswith("\x1b[2K"), "the lines that moved are gone"


def test_a_terminal_shows_how_much_is_read() -> None:
    # The clock of the test goes on by a second whenever it is asked.
    assert "━━━━━─────────────── reading, 25% of 10.0 MB" in drawn()


def test_a_log_tells_now_and_then_how_much_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    times = [0.0]
    view = ProgressView(clock=lambda: times[-1])
    for second in (1.0, 6.0, 11.0, 16.0, 20.9):
        times.append(second)
        view.on_read(10_000_000, 200_000_000)
    # 30 MB in the 10 s since the first of them; the next line is due at 21 s.
    assert capsys.readouterr().err == "reading, 15% of 200.0 MB, 3.0 MB/s, 0:57 left\n"


def test_a_terminal_says_the_same_as_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    events = (validation(2.5, best=True), sample("To be"), validation(2.7, overfitting=True))
    lines = [line.strip() for line in told(capsys, *events).splitlines()]
    text = drawn(*events, stopped(), columns=250)
    for line in lines:
        assert line in text
    assert "are in runs/my titles" in text.replace("\\", "/")


def test_long_samples_are_cut_and_hang_on_a_terminal() -> None:
    text = drawn(sample("To " + "be or " * 100), columns=60)
    shown = text[text.index("  temp 0.5  ") : text.index("...") + 3]
    first, *others = (line.rstrip() for line in shown.splitlines())
    assert all(line.startswith(" " * 12) and line[12] != " " for line in others)
    assert max(len(line) for line in (first, *others)) <= 60
    words = [*first.split()[2:], *" ".join(others).split()]
    assert " ".join(words) == ("To " + "be or " * 100)[:240].strip() + " ..."


def test_a_word_wider_than_a_terminal_is_folded() -> None:
    text = drawn(sample("~" * 100), columns=60)
    assert text.count("~") == 100


def test_a_sample_cannot_order_a_terminal_about() -> None:
    text = drawn(sample("To \x1b[31m [bold]be[/bold] :smile:\x07"))
    assert "To <0x1B>[31m [bold]be[/bold] :smile:<0x07>" in text


def test_colour_marks_the_best_figure() -> None:
    assert "\x1b[32mbest so far" in drawn(validation(2.5, best=True), colour=True)
    assert "\x1b[32m" not in drawn(validation(2.5, best=True))


def test_a_run_that_fails_early_leaves_the_terminal_as_it_was() -> None:
    text = drawn(started=False)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0, "the cursor is back"


@pytest.mark.parametrize(
    ("encoding", "terminal", "blocks"),
    [
        ("utf-8", "xterm", True),
        ("latin-1", "xterm", False),
        ("ascii", "xterm", False),
        ("utf-8", "linux", False),
    ],
)
def test_blocks_are_for_terminals_that_have_them(
    monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: str, blocks: bool
) -> None:
    monkeypatch.setattr(locale, "getencoding", lambda: encoding)
    monkeypatch.setenv("TERM", terminal)
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    with LiveProgressView(
        Console(file=file, force_terminal=True, color_system=None, width=80)
    ) as view:
        view.start(plan())
        view(step(30.0, 0.25))
    file.seek(0)
    shown = file.read()
    curve = f"  training  {' ' * 8}"
    assert (f"{curve}▅" in shown, f"{curve}=" in shown) == (blocks, not blocks)
    assert shown.isascii() or blocks or encoding == "utf-8"


def test_what_is_no_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose_view()) is ProgressView
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: True)
    monkeypatch.setenv("TERM", "dumb")
    assert type(choose_view()) is ProgressView
    monkeypatch.setenv("TERM", "xterm")
    assert type(choose_view()) is LiveProgressView
