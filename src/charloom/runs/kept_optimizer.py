"""The moments of an optimizer that one run keeps and a longer one starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charloom.model_folder.optimizer_file import OptimizerState
from charloom.runs.spec import RunSpec

if TYPE_CHECKING:
    from charloom.training.backend import Backend


def optimizer_state(backend: Backend, spec: RunSpec) -> OptimizerState:
    """Return the state of the optimizer after the last step."""
    state = backend.state_dict()["optimizer"]
    return OptimizerState.from_state_dict(spec.training.optimizer, state)


def start_optimizer(backend: Backend, spec: RunSpec) -> list[str]:
    """Set the optimizer to the state that the base of a new run has kept, if it has.

    Returns notes for the user.
    """
    if spec.checkpoint is not None or spec.base is None or spec.base.optimizer is None:
        return []
    kept, own = spec.base.optimizer, spec.training.optimizer
    if kept.optimizer != own:
        return [
            f"the moments that were kept are those of {kept.optimizer}, and the optimizer is "
            f"{own}: they start at zero."
        ]
    state = backend.state_dict()
    shapes = {name: tensor.shape for name, tensor in state["weights"].items()}
    backend.load_state_dict({**state, "optimizer": kept.state_dict(shapes)})
    return ["the optimizer starts from the moments that the run before it has kept."]
