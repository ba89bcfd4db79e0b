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
from charloom.runs.spec import Settled
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.training.distributed.launch import Launch

if TYPE_CHECKING:
    from charloom.runs.listeners import Keeper
    from charloom.training.distributed.process_group import Ranks
    from charloom.training.trainer import Trainer


def join(launch: Launch) -> Ranks:
    """Meet the other processes; alone, there are none to meet, and torch is not imported."""
    from charloom.training.distributed.torch_backend import join

    return join(launch)


def share(ranks: Ranks | None, settle: Callable[[], Settled]) -> Settled:
    """Return what is to be done, as process 0 finds it; tensors of an earlier run come later.

    Raises SettingsError if the processes cannot share the work.
    """
    if ranks is None:
        return settle()
    own = settle() if ranks.first else None
    settled = own or _read(ranks.told(""))
    if own is not None:
        ranks.told(_written(own))
    size = settled.training.batch_size
    if ranks.launch.world > size and not settled.finished:
        raise SettingsError(
            f"batch-size is {size} with {ranks.launch.world} processes, and each needs a text of "
            "its own in a minibatch: use a larger --batch-size, or fewer processes."
        )
    return settled


def check_sources(names: Sequence[str], launch: Launch) -> None:
    """Raise SettingsError if several processes would read what only one can."""
    if launch.world > 1 and "-" in names:
        raise SettingsError(
            f"the source is - (standard input) with {launch.world} processes, and each of them "
            "reads the text: put it into a file first."
        )


def facts(record: ModelRecord, corpus: Corpus) -> dict[str, object]:
    """Return what must be the same in all processes, so that they learn as one."""
    versions = {f"the version of {name}": record.provenance[name] for name in ("charloom", "torch")}
    return versions | {"the fingerprint of the texts": corpus.fingerprint}


class Bystander:
    """Saves with process 0 in one that does not write: its streams' states go there."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def due(self) -> bool:
        """Return whether this process wishes a checkpoint: never."""
        return False

    def __call__(self, ending: bool) -> None:
        """Take part in a checkpoint."""
        self._trainer.state()

    def begin(self, earlier: Checkpoint | None, keeper: Keeper) -> None:
        """Go on from ``earlier``, or take part in the first checkpoint."""
        if earlier is None:
            self._trainer.state()
            return
        from charloom.training.state_codec import unpack

        states = unpack(earlier.state, earlier.tensors)
        self._trainer.restore(states["trainer"])
        keeper.restore(states["keeper"])


def _written(settled: Settled) -> str:
    earlier = settled.earlier
    content = {
        "text": settled.text.to_json(),
        "network": settled.network.to_json(),
        "training": settled.training.to_json(),
        "validation": settled.validation,
        "checkpoint_seconds": settled.checkpoint_seconds,
        "finished": settled.finished,
        "earlier": earlier and {"run": dict(earlier.run), "state": earlier.state},
    }
    return json.dumps(content)


def _read(text: str) -> Settled:
    content: Mapping[str, Any] = json.loads(text)
    earlier = content["earlier"]
    return Settled(
        text=TextSettings.from_json(content["text"]),
        network=NetworkSettings.from_json(content["network"]),
        training=TrainingSettings.from_json(content["training"]),
        validation=content["validation"],
        checkpoint_seconds=content["checkpoint_seconds"],
        finished=content["finished"],
        earlier=earlier and Checkpoint(**earlier, tensors=b""),
    )


def receive(ranks: Ranks, settled: Settled) -> Settled:
    """Return ``settled`` with the tensors of the earlier run, which process 0 has read."""
    earlier = settled.earlier
    if earlier is None or ranks.alone:
        return settled
    whole = dataclasses.replace(earlier, tensors=ranks.sent(earlier.tensors))
    return dataclasses.replace(settled, earlier=whole)
