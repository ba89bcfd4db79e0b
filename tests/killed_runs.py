"""A run in a process of its own, for tests that kill it."""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

import charloom.training.trainer  # noqa: F401  (loaded once, for all processes made of this one)
from charloom.events import Event, Step
from charloom.api import train


def train_and_report_steps(
    source: Path, run: Path, pipe: Connection | None, options: dict[str, Any]
) -> None:
    """Train, saving after every step; tell of the second step, and of the end."""
    torch.set_num_threads(1)
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
