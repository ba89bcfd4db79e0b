"""What joins a checkpoint."""

from collections.abc import Mapping
from typing import Any, Protocol


class Stateful(Protocol):
    """What a run is made of, and has a state that must go on: it joins a checkpoint by this."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state: numbers, texts, tensors and arrays, in lists, tuples and dicts."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` returned."""
        ...
