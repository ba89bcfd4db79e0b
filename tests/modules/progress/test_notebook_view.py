"""A run in a notebook is one display, updated in place a few times a second."""

import sys
import threading
import types

import pytest
from displays import Page, RecordingNotebook, check_is_safe
from training_events import plan, sample, step, stopped, validation

from charloom.events import Event
from charloom.progress.notebook_view import MIN_UPDATE_SECONDS, NotebookView, find_notebook


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(*events: Event, started: bool = True) -> RecordingNotebook:
    """Return the notebook after events that are a second apart."""
    notebook, clock = RecordingNotebook(), Clock()
    with NotebookView(notebook, clock) as view:
        if started:
            view.start(plan(training={"steps": 9}))
        for event in events:
            clock.now += 1
            view(event)
    return notebook


def test_the_display_shows_progress_losses_and_samples() -> None:
    notebook = shown(validation(2.25, best=True, progress=0.2), sample("To <b>"), step(30.0, 0.25))
    assert notebook.text.splitlines() == [
        "Training 25 %, epoch 2, 1:30 left",
        "validation  2.250 bits per character, best 2.250",
        "  training  2.346 bits per character, best 1.500",
        "     speed  23k characters per second, 412 MB",
        "  temp 0.5  To <b>",
        "two texts were left out.",
    ]
    check_is_safe(notebook.html)
    page = Page(notebook.html)
    assert "details" in page.tags
    assert any(text.startswith("GRU, 2 layers of 1200, ") for text in page.texts)
    assert len(page.paths()) == 2
    assert "width:25.0%" in notebook.html


def test_there_is_one_display_and_its_last_state_is_the_outcome() -> None:
    notebook = shown(step(10.0, 0.1), validation(1.5, best=True), sample("To be"), stopped())
    assert len(notebook.calls) > 2
    assert notebook.text.splitlines()[0] == "Trained 1:20, epoch 3, 9 steps"
    assert notebook.text.splitlines()[-2:] == [
        "Done: the best weights, 1.500 bits per character, are in runs/my titles",
        "Try: charloom.load('runs/my titles').generate(n=5)",
    ]
    assert "To be" in notebook.text
    assert "Trained" in notebook.html
    assert "height:5px" not in notebook.html


def test_updates_are_spaced_and_the_last_one_is_made() -> None:
    notebook, clock = RecordingNotebook(), Clock()
    view = NotebookView(notebook, clock)
    view.start(plan())
    for k in range(10_000):
        clock.now = k / 1000
        view(step(float(k), k / 10_000))
        view(validation(2.5, progress=k / 10_000))
        view(sample("To be"))
    assert len(notebook.calls) <= 2 + clock.now / MIN_UPDATE_SECONDS
    assert len(notebook.calls) >= 0.9 * clock.now / MIN_UPDATE_SECONDS
    view(stopped())
    assert notebook.text.startswith("Trained")


def test_the_size_does_not_grow_with_the_run() -> None:
    def size(steps: int) -> int:
        notebook = RecordingNotebook()
        view = NotebookView(notebook, Clock())
        view.start(plan())
        for k in range(steps):
            view(step(float(k), k / steps, bits_per_character=3 + k % 7 / 100))
            view(validation(3 + k % 5 / 100, progress=k / steps))
            for _ in range(20):
                view(sample("To " + "be " * 1000))
        view(stopped())
        return len(notebook.html)

    assert size(2000) < 25_000


def test_samples_are_those_of_the_last_validation() -> None:
    notebook = shown(
        validation(2.5), sample("old one"), validation(2.4), sample("new one"), stopped()
    )
    assert "new one" in notebook.text
    assert "old one" not in notebook.text


def test_reading_and_compiling_are_shown_before_the_first_step() -> None:
    notebook, clock = RecordingNotebook(), Clock()
    with NotebookView(notebook, clock) as view:
        view.on_read(10**6, 10**7)
        assert notebook.calls == []
        clock.now = 2.0
        view.on_read(10**6, 10**7)
        assert notebook.text.startswith("Preparing reading, 20% of 10.0 MB")
        view.on_compile("code is compiled.")
        assert notebook.text == "Preparing code is compiled."
        view.start(plan())
        clock.now = 4.0
        view(step())
        assert "compiled" not in notebook.text


def test_a_run_that_fails_names_its_error() -> None:
    notebook = RecordingNotebook()
    with pytest.raises(KeyboardInterrupt), NotebookView(notebook, Clock()) as view:
        view.start(plan())
        raise KeyboardInterrupt
    assert notebook.text.startswith("Stopped by KeyboardInterrupt")
    with pytest.raises(ValueError, match="early"), NotebookView(silent := RecordingNotebook()):
        raise ValueError("early")
    assert silent.calls == []


def test_a_notebook_that_fails_does_not_stop_the_run() -> None:
    notebook = RecordingNotebook(limit=2)
    clock = Clock()
    view = NotebookView(notebook, clock)
    view.start(plan())
    for _ in range(5):
        clock.now += 1
        view(step())
    view(stopped())
    assert len(notebook.calls) == 3


def test_threads_may_use_a_view_at_once() -> None:
    notebook = RecordingNotebook()
    view = NotebookView(notebook, lambda: float("inf"))
    threads = [
        threading.Thread(target=lambda: [*map(view.on_compile, 50 * ["compiling"])]) for _ in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(notebook.displays) == 1
    assert len(notebook.calls) == 200


def fake_ipython(shell: object) -> types.ModuleType:
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    return module


def test_a_notebook_is_a_shell_with_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = object()
    display = types.ModuleType("IPython.display")
    display.DisplayHandle = lambda: handle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    kernel = types.SimpleNamespace(kernel=object())
    for shell, expected in ((None, None), (object(), None), (kernel, handle)):
        monkeypatch.setitem(sys.modules, "IPython", fake_ipython(shell))
        assert find_notebook() is expected
    monkeypatch.delitem(sys.modules, "IPython")
    assert find_notebook() is None
