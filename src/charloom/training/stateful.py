"""The interface of components whose state is saved in checkpoints."""

from collections.abc import Mapping
from typing import Any, Protocol


class Stateful(Protocol):
    """A component whose state is saved in checkpoints."""

    def state_dict(self) -> dict[str, Any]:
        """Return numbers, strings, tensors and arrays, in lists, tuples and dicts."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        ...
