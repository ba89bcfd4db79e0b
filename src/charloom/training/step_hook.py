"""The interface of code that runs between two training steps."""

from typing import Protocol


class StepHook(Protocol):
    """Code that runs between two steps, such as saving a checkpoint."""

    def due(self) -> bool:
        """Return whether this process requests a call after the current step."""
        ...

    def __call__(self, force: bool) -> None:
        """Run if due, and in any case with ``force``."""
        ...
