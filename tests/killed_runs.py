"""A training run for a separate process that tests kill."""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import charloom.training.trainer  # noqa: F401  (loaded once, for all forked processes)
from charloom.api import train
from charloom.events import Event, Step


def train_and_report_steps(
    source: Path, run: Path, pipe: Connection | None, options: dict[str, Any]
) -> None:
    """Train with a checkpoint after every step; send "step" after the second step.

    A run of fewer steps sends "done" at its end.
    """
    steps = 0

    def listen(event: Event) -> None:
        nonlocal steps
        if isinstance(event, Step):
            steps += 1
            if steps == 2 and pipe is not None:
                pipe.send("step")

    train(source, output=run, checkpoint_seconds=0, listeners=[listen], **options)
    if steps < 2 and pipe is not None:
        pipe.send("done")
