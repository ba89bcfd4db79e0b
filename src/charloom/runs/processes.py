"""A run in several processes: process 0 resolves it for all of them.

It sends the others all that they need. Only process 0 reads and writes the model folder, so other
hosts need no access to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from charloom.data.corpus import Corpus
from charloom.errors import SettingsError
from charloom.extras import is_installed, require_package
from charloom.model_folder.checkpoint import Checkpoint
from charloom.model_folder.optimizer_file import OptimizerState
from charloom.runs.base import Base
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.training.distributed.launch import ProcessInfo

if TYPE_CHECKING:
    from charloom.training.distributed.process_group import ProcessGroup


@contextlib.contextmanager
def process_group(process: ProcessInfo) -> Iterator[ProcessGroup | None]:
    """Connect to the other processes of a run.

    Yields None for a single process, without importing torch. Raises MissingPackageError if several
    processes were started without torch.
    """
    if process.world_size == 1:
        yield None
        return
    require_package(
        "torch", f"training in {process.world_size} processes", "start a single process"
    )
    from charloom.training.distributed.torch_collectives import init_process_group

    with init_process_group(process) as group:
        yield group


def check_sources(request: TrainRequest, process: ProcessInfo) -> None:
    """Raise SettingsError if several processes would read standard input."""
    if process.world_size > 1 and "-" in (*request.sources, request.validation):
        raise SettingsError(
            f"the source is - (standard input) with {process.world_size} processes, and each of "
            "them reads the text: put it into a file first."
        )


def broadcast_spec(group: ProcessGroup | None, spec: RunSpec | None) -> RunSpec:
    """Return the specification of process 0.

    Only process 0 needs to pass a ``spec``. The others get it without the tensors of its
    checkpoint (see ``broadcast_checkpoint``) and of its base (``build_components`` sends them).
    Raises SettingsError if there are more processes than sequences in a minibatch.
    """
    if group is None or group.process.world_size == 1:
        assert spec is not None
        return spec
    text = group.broadcast_text("" if spec is None else _spec_to_json(spec))
    if spec is None or not group.is_main:
        spec = _spec_from_json(text)
    processes, size = group.process.world_size, spec.training.batch_size
    if processes > size and not spec.finished:
        raise SettingsError(
            f"batch-size is {size} with {processes} processes, and each needs a text "
            "in every minibatch: use a larger --batch-size, or fewer processes."
        )
    return spec


def broadcast_checkpoint(group: ProcessGroup, spec: RunSpec) -> RunSpec:
    """Return ``spec`` with the tensors of its checkpoint, which process 0 has read.

    Without a checkpoint, they are those of the optimizer of its base.
    """
    checkpoint = spec.checkpoint
    if group.is_single:
        return spec
    if checkpoint is None:
        return _broadcast_optimizer(group, spec)
    tensors = group.broadcast_bytes(checkpoint.tensors)
    return dataclasses.replace(spec, checkpoint=dataclasses.replace(checkpoint, tensors=tensors))


def _broadcast_optimizer(group: ProcessGroup, spec: RunSpec) -> RunSpec:
    """Return ``spec`` with the optimizer of its base, which process 0 has read."""
    if spec.base is None:
        return spec
    own = b"" if spec.base.optimizer is None else spec.base.optimizer.to_bytes()
    content = group.broadcast_bytes(own)
    if not content:
        return spec
    optimizer = OptimizerState.from_bytes(content)
    return dataclasses.replace(spec, base=dataclasses.replace(spec.base, optimizer=optimizer))


def agreement_keys(corpus: Corpus) -> dict[str, object]:
    """Return values that must be equal in all processes of a run.

    The keys are their names in messages.
    """
    packages = filter(is_installed, ("charloom", "numpy", "numba", "torch"))
    versions = {f"the version of {name}": metadata.version(name) for name in packages}
    return {**versions, "the fingerprint of the texts": corpus.fingerprint}


def _spec_to_json(spec: RunSpec) -> str:
    checkpoint = spec.checkpoint
    content = {
        "text": spec.text.to_json(),
        "network": spec.network.to_json(),
        "training": spec.training.to_json(),
        "validation": spec.validation,
        "checkpoint_seconds": spec.checkpoint_seconds,
        "finished": spec.finished,
        "base": spec.base and spec.base.to_json(),
        "checkpoint": checkpoint and {"run": dict(checkpoint.run), "state": checkpoint.state},
    }
    return json.dumps(content)


def _spec_from_json(text: str) -> RunSpec:
    content: Mapping[str, Any] = json.loads(text)
    checkpoint = content["checkpoint"]
    return RunSpec(
        text=TextSettings.from_json(content["text"]),
        network=NetworkSettings.from_json(content["network"]),
        training=TrainingSettings.from_json(content["training"]),
        validation=content["validation"],
        checkpoint_seconds=content["checkpoint_seconds"],
        finished=content["finished"],
        base=content["base"] and Base.from_json(content["base"]),
        checkpoint=checkpoint and Checkpoint(**checkpoint, tensors=b""),
    )
