"""The listeners and the step hook of a run, which write, sample and save."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from charloom.events import EmittingListener
from charloom.model_folder.writer import ModelWriter
from charloom.runs.build import RunComponents
from charloom.runs.checkpointing import (
    BEST_WEIGHTS,
    Checkpointer,
    CheckpointHook,
    CheckpointPeer,
)
from charloom.runs.history_recorder import HistoryRecorder
from charloom.runs.listeners import BestWeights, EventLog, ListenerGuard, SampleWriter
from charloom.runs.request import TrainRequest
from charloom.runs.resume import describe_run
from charloom.runs.spec import RunSpec
from charloom.runs.tensorboard import TensorBoardLog
from charloom.training.stateful import Stateful


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOutputs:
    """The listeners of a run in calling order, and its step hook."""

    listeners: Sequence[EmittingListener]
    hook: CheckpointHook | None
    """None: a single process that keeps the model in memory."""
    best_weights: BestWeights
    history: HistoryRecorder | None
    """None if a model folder has the history."""


def build_outputs(
    request: TrainRequest,
    spec: RunSpec,
    components: RunComponents,
    guard: ListenerGuard,
    writer: ModelWriter | None,
) -> RunOutputs:
    """Return the listeners and the step hook of a run.

    ``writer`` is None if this process writes no model folder. The event log comes first, so that it
    has every event. The best weights are saved before the user's listeners get the validation. Only
    process 0 generates samples.
    """
    record, weights = components.record, components.backend.tensors
    best_weights = BestWeights(record, components.corpus.validation, weights, writer)
    samples = SampleWriter(record, weights)
    listeners: list[EmittingListener] = [best_weights, *map(guard.wrap, request.listeners)]
    if components.group.is_main:
        listeners.append(samples)
    if writer is None:
        history = HistoryRecorder()
        listeners.append(history)
        hook = None if components.group.is_single else CheckpointPeer(best_weights)
        return RunOutputs(
            listeners=listeners, hook=hook, best_weights=best_weights, history=history
        )
    log = EventLog(writer)
    logs: list[EmittingListener] = [log]
    if request.log is not None:
        logs.append(TensorBoardLog(writer, record))
    # Everything with a state that a resumed run needs. The keys are those of checkpoints.
    members: dict[str, Stateful] = {BEST_WEIGHTS: best_weights, "sampler": samples, "recorder": log}
    return RunOutputs(
        listeners=[*logs, *listeners],
        hook=Checkpointer(writer, describe_run(spec, components.plan), members, best_weights),
        best_weights=best_weights,
        history=None,
    )
