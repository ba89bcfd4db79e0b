"""The view of a run of ``charloom.train``, chosen by where a person looks."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from typing import TYPE_CHECKING

from charloom.errors import SettingsError
from charloom.training.distributed.launch import process_info_from_torchrun

if TYPE_CHECKING:
    from charloom.progress.plain_view import ProgressView


def library_view(progress: bool | None) -> ProgressView | None:
    """Return the view for an argument ``progress``; None for no view.

    A notebook has a display in place, from any thread. The terminal belongs to the main thread: the
    live view replaces ``sys.stderr``, which a thread in the background must not. Processes that
    others start, data-parallel ones but the first and those of ``multiprocessing``, show nothing by
    themselves. Raises SettingsError for an invalid argument.
    """
    if progress is not None and not isinstance(progress, bool):
        raise SettingsError(
            f"progress is {progress!r:.80}; it must be True, False or None: for a function that is "
            "called with the events of the run, pass listeners=[...]."
        )
    if progress is False or process_info_from_torchrun().rank > 0:
        return None
    is_child = multiprocessing.parent_process() is not None
    from charloom.progress.notebook_view import NotebookView, find_notebook

    notebook = None if is_child else find_notebook()
    if notebook is not None:
        return NotebookView(notebook)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and not is_child and _has_terminal():
        from charloom.progress.live_view import choose_view

        return choose_view(library=True)
    if progress is None:
        return None
    from charloom.progress.plain_view import ProgressView

    return ProgressView(library=True)


def _has_terminal() -> bool:
    # Programs without a console have no standard error, or one of their own, or a closed one.
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False
