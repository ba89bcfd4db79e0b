"""Training steps of charloom, of this checkout or an older one, by its public function.

It trains on lines of random symbols that all have the same length, so that every minibatch has the
same shape. The steps are those of any run: minibatches are read, gradients clipped, weights
averaged, events emitted. There is no dropout.

    PYTHONPATH=CHECKOUT/src python charloom_steps.py '{"cell": "lstm", "hidden": 128, "input": 64,
        "symbols": 80, "batch_size": 64, "steps": 45, "precision": "fp32", "optimizer": "adamw",
        "seconds": 4}'

Prints a JSON line with the characters per second.
"""

import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import charloom
from charloom.events import Event, Step

OPTIONS = ("cell", "hidden", "input", "batch_size", "precision", "optimizer")
LINES = 20_000
FIRST = 0x4E00
"""Code point of the first symbol: letters that neither cleaning nor line splitting changes."""
WARM_UP_STEPS = 5


class Enough(Exception):
    """Ends the run once it was measured."""


class StepClock:
    """Listens to steps and raises Enough after some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: list[float] = []
        """Seconds of training after each step."""

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Step):
            return
        self._times.append(event.seconds)
        if event.seconds - self._times[min(WARM_UP_STEPS, event.step) - 1] >= self._seconds:
            raise Enough

    def steps_per_second(self) -> float:
        """Return the best rate over spans of about a second."""
        best, first = 0.0, WARM_UP_STEPS - 1
        for last in range(first + 1, len(self._times)):
            span = self._times[last] - self._times[first]
            if span >= min(1.0, self._seconds):
                best, first = max(best, (last - first) / span), last
        return best


def write_lines(path: Path, lines: int, length: int, symbols: int) -> None:
    alphabet = [chr(FIRST + number) for number in range(symbols)]
    draw = random.Random(0)
    text = ("".join(draw.choices(alphabet, k=length)) for _ in range(lines))
    path.write_text("\n".join(text) + "\n", "utf-8")


def main() -> None:
    given: dict[str, Any] = json.loads(sys.argv[1])
    clock = StepClock(given["seconds"])
    length = given["steps"] - 1  # the end of a line is a symbol too
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "training.txt"), Path(folder, "validation.txt")
        for path, lines in zip(files, (LINES, 10), strict=True):
            write_lines(path, lines, length, given["symbols"])
        with contextlib.suppress(Enough):
            charloom.train(
                files[0],
                validation=files[1],
                steps=10**6,
                progress=False,
                dropout=0.0,
                index=False,
                listeners=[clock],
                **{name: given[name] for name in OPTIONS},
            )
    characters = given["steps"] * given["batch_size"]
    print(json.dumps({"rate": clock.steps_per_second() * characters}))


if __name__ == "__main__":
    main()
