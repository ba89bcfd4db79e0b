"""``charloom.train`` shows a run where a person looks, and nowhere else."""

import concurrent.futures
import io
import multiprocessing
import subprocess
import sys

import pytest
from displays import RecordingNotebook

from charloom.progress import notebook_view
from charloom.progress.library_view import library_view
from charloom.progress.live_view import LiveProgressView
from charloom.progress.notebook_view import NotebookView
from charloom.progress.plain_view import ProgressView


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_view, "find_notebook", RecordingNotebook)


def test_a_terminal_has_the_view_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    for progress in (None, True):
        assert type(library_view(progress)) is LiveProgressView
    assert library_view(False) is None


@pytest.mark.usefixtures("notebook")
def test_a_notebook_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    for progress in (None, True):
        assert type(library_view(progress)) is NotebookView
    assert library_view(False) is None


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_elsewhere_there_are_lines_on_request_only(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert library_view(None) is None
    assert type(library_view(True)) is ProgressView


def test_the_terminal_belongs_to_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(library_view, None).result() is None
        assert type(pool.submit(library_view, True).result()) is ProgressView


@pytest.mark.usefixtures("notebook")
def test_threads_of_a_notebook_have_a_display() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert type(pool.submit(library_view, None).result()) is NotebookView


def test_a_run_outside_of_notebooks_imports_nothing_of_jupyter() -> None:
    program = (
        "import sys, charloom;"
        "texts = [f'line {k}' for k in range(30)];"
        "charloom.train(texts=texts, steps=1, hidden=8, progress=True);"
        "charloom.train(texts=texts, steps=1, hidden=8)._repr_html_();"
        "print(*{'IPython', 'ipykernel', 'nbformat', 'jupyter_core'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
    assert "epoch 1" in done.stderr


@pytest.mark.usefixtures("notebook")
def test_processes_that_others_start_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    assert library_view(None) is None
    assert type(library_view(True)) is ProgressView
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    assert library_view(True) is None
