"""A run in a process of its own, for tests that kill it."""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

import charloom.learning.trainer
from charloom.events import Event, Step
from charloom.recipe import train

assert charloom.learning.trainer  # loaded once, for all processes that are made of this one


def resume_and_tell(source: Path, run: Path, told: Connection, options: dict[str, Any]) -> None:
    """Train, saving after every step; tell of the second step, and of the end."""
    torch.set_num_threads(1)
    steps = 0

    def listen(event: Event) -> None:
        nonlocal steps
        if isinstance(event, Step):
            steps += 1
            if steps == 2:
                told.send("step")

    train(source, output=run, checkpoint_seconds=0, listeners=[listen], **options)
    if steps < 2:
        told.send("done")
