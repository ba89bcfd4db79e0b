"""What a run needs when several processes learn as one: what they have in common, and from whom.

Process 0 alone looks at the model folder, which other hosts need not see; the others learn from it
what is to be done, and where a run goes on.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from charloom.data.corpus import Corpus
from charloom.errors import SettingsError
from charloom.model_folder.checkpoint import Checkpoint
from charloom.model_folder.format import ModelRecord
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.training.distributed.launch import ProcessInfo

if TYPE_CHECKING:
    from charloom.runs.listeners import BestWeights
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.trainer import Trainer


def init_process_group(launch: ProcessInfo) -> ProcessGroup:
    """Meet the other processes; alone, there are none to meet, and torch is not imported."""
    from charloom.training.distributed.torch_backend import init_process_group

    return init_process_group(launch)


def broadcast_spec(ranks: ProcessGroup | None, resolve: Callable[[], RunSpec]) -> RunSpec:
    """Return what is to be done, as process 0 finds it; tensors of an earlier run come later.

    Raises SettingsError if the processes cannot share the work.
    """
    if ranks is None:
        return resolve()
    resolved = resolve() if ranks.is_main else None
    spec = resolved or _spec_from_json(ranks.broadcast_text(""))
    if resolved is not None:
        ranks.broadcast_text(_spec_to_json(resolved))
    size = spec.training.batch_size
    if ranks.process.world_size > size and not spec.finished:
        raise SettingsError(
            f"batch-size is {size} with {ranks.process.world_size} processes, and each needs a text of "
            "its own in a minibatch: use a larger --batch-size, or fewer processes."
        )
    return spec


def check_sources(sources: Sequence[str], launch: ProcessInfo) -> None:
    """Raise SettingsError if several processes would read what only one can."""
    if launch.world_size > 1 and "-" in sources:
        raise SettingsError(
            f"the source is - (standard input) with {launch.world_size} processes, and each of them "
            "reads the text: put it into a file first."
        )


def agreement_keys(record: ModelRecord, corpus: Corpus) -> dict[str, object]:
    """Return what must be the same in all processes, so that they learn as one."""
    versions = {f"the version of {name}": record.provenance[name] for name in ("charloom", "torch")}
    return versions | {"the fingerprint of the texts": corpus.fingerprint}


class CheckpointPeer:
    """Saves with process 0 in one that does not write: its streams' states go there."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def due(self) -> bool:
        """Return whether this process wishes a checkpoint: never."""
        return False

    def __call__(self, ending: bool) -> None:
        """Take part in a checkpoint."""
        self._trainer.state_dict()

    def start(self, checkpoint: Checkpoint | None, best_weights: BestWeights) -> None:
        """Go on from ``earlier``, or take part in the first checkpoint."""
        if checkpoint is None:
            self._trainer.state_dict()
            return
        from charloom.training.state_codec import unpack

        states = unpack(checkpoint.state, checkpoint.tensors)
        self._trainer.load_state_dict(states["trainer"])
        best_weights.load_state_dict(states["keeper"])


def _spec_to_json(spec: RunSpec) -> str:
    earlier = spec.checkpoint
    content = {
        "text": spec.text.to_json(),
        "network": spec.network.to_json(),
        "training": spec.training.to_json(),
        "validation": spec.validation,
        "checkpoint_seconds": spec.checkpoint_seconds,
        "finished": spec.finished,
        "earlier": earlier and {"run": dict(earlier.run), "state": earlier.state},
    }
    return json.dumps(content)


def _spec_from_json(text: str) -> RunSpec:
    content: Mapping[str, Any] = json.loads(text)
    earlier = content["earlier"]
    return RunSpec(
        text=TextSettings.from_json(content["text"]),
        network=NetworkSettings.from_json(content["network"]),
        training=TrainingSettings.from_json(content["training"]),
        validation=content["validation"],
        checkpoint_seconds=content["checkpoint_seconds"],
        finished=content["finished"],
        checkpoint=earlier and Checkpoint(**earlier, tensors=b""),
    )


def broadcast_checkpoint(ranks: ProcessGroup, spec: RunSpec) -> RunSpec:
    """Return ``settled`` with the tensors of the earlier run, which process 0 has read."""
    earlier = spec.checkpoint
    if earlier is None or ranks.is_single:
        return spec
    whole = dataclasses.replace(earlier, tensors=ranks.broadcast_bytes(earlier.tensors))
    return dataclasses.replace(spec, checkpoint=whole)
