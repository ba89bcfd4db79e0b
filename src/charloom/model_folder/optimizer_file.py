"""The optimizer's state in a model folder, of ``train --keep-optimizer``.

A longer run starts from it. It is a safetensors file with digests, as that of the weights; only
``train --extend`` reads it.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from charloom.errors import ModelFolderError
from charloom.files import is_file
from charloom.model_folder.weights import read_weights, tensors_digest, weights_bytes

OPTIMIZER: Final = "optimizer.safetensors"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerState:
    """The state of an optimizer after the last step of a run."""

    optimizer: str
    """The setting of this name."""
    steps: Mapping[str, int]
    """Steps taken with the parameters of each kind."""
    tensors: Mapping[str, NDArray[np.float32]]
    """Each state of each parameter: ``momentum/output.weight``."""

    @classmethod
    def from_state_dict(cls, optimizer: str, state: Mapping[str, Any]) -> Self:
        """Return the state in a result of an optimizer's ``state_dict``."""
        tensors = {
            f"{kind}/{name}": tensor
            for kind, by_name in state["states"].items()
            for name, tensor in by_name.items()
        }
        return cls(optimizer=optimizer, steps=state["steps"], tensors=tensors)

    def state_dict(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Return the state as an optimizer of a network with ``shapes`` restores it.

        New rows, of symbols and labels that were added since, are zeros.
        """
        states: dict[str, dict[str, NDArray[np.float32]]] = {}
        for key, tensor in self.tensors.items():
            kind, _, name = key.partition("/")
            if name in shapes:
                wider = np.zeros(shapes[name], np.float32)
                if tensor.shape[1:] != wider.shape[1:] or len(tensor) > len(wider):
                    raise ModelFolderError(
                        f"the state of the optimizer has {name} of shape {tensor.shape}, and the "
                        f"network {wider.shape}: the file is of another model; copy the whole "
                        "folder again, or remove optimizer.safetensors."
                    )
                wider[: len(tensor)] = tensor
                states.setdefault(kind, {})[name] = wider
        for by_name in states.values():
            for name in shapes.keys() - by_name.keys():
                if name.startswith("labels."):  # the run before it had none
                    by_name[name] = np.zeros(shapes[name], np.float32)
        return {"steps": dict(self.steps), "states": states}

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        metadata = {"optimizer": self.optimizer, "steps": json.dumps(dict(self.steps))}
        return weights_bytes(self.tensors, "", metadata=metadata)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the state in a file.

        Raises SafetensorError, ValueError, LookupError or TypeError if it is damaged.
        """
        tensors, precision, metadata = read_weights(content)
        if metadata["tensors_digest"] != tensors_digest(tensors, precision):
            raise ValueError("the tensors have another digest")
        return cls(
            optimizer=metadata["optimizer"],
            steps=json.loads(metadata["steps"]),
            tensors=tensors,
        )


def read_optimizer(folder: Path) -> OptimizerState | None:
    """Return the state in a model folder; None if there is none.

    Raises ModelFolderError if the file is damaged or cannot be read.
    """
    path = folder / OPTIMIZER
    if not is_file(path):
        return None
    from safetensors import SafetensorError

    try:
        return OptimizerState.from_bytes(path.read_bytes())
    except OSError as error:
        raise ModelFolderError(
            f"{path} cannot be read ({error.strerror or error}); allow it, or remove the file: "
            "the moments of the optimizer then start at zero."
        ) from error
    except (SafetensorError, ValueError, LookupError, TypeError) as error:
        raise ModelFolderError(
            f"{path} is damaged or was altered after it was saved; copy it again from where it was "
            "made, or remove it: the moments of the optimizer then start at zero."
        ) from error
