"""Train a model: resolve, read the corpus, build the trainer, train and save.

torch is imported after options and sources have been checked, so mistakes are reported at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from charloom.data.corpus import Corpus
from charloom.errors import CheckerError, DivergedError
from charloom.events import Stopped
from charloom.model import Model
from charloom.model_folder.writer import ModelWriter
from charloom.runs.acceptance import Acceptance
from charloom.runs.build import (
    RunComponents,
    build_components,
    build_trainer,
    read_corpus,
    with_auto_settings,
)
from charloom.runs.controls import RunControls
from charloom.runs.kept_optimizer import optimizer_state, start_optimizer
from charloom.runs.listeners import ListenerGuard
from charloom.runs.outputs import build_outputs
from charloom.runs.processes import (
    broadcast_checkpoint,
    broadcast_spec,
    check_sources,
    process_group,
)
from charloom.runs.request import TrainRequest
from charloom.runs.resolve import resolve
from charloom.runs.signals import on_sigusr1, stop_on_signal
from charloom.runs.spec import RunSpec
from charloom.runs.tensorboard import check_log
from charloom.training.distributed.launch import process_info_from_torchrun

if TYPE_CHECKING:
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.trainer import Trainer


def train_model(request: TrainRequest, spec: RunSpec | None = None) -> Model:
    """Train as requested and return the model with its best weights.

    1. ``resolve`` decides the settings, and reads the checkpoint of a resumed run.
    2. ``run`` reads the corpus and chooses the settings that were left out.
    3. ``build_components`` builds network, optimizer and minibatches; ``build_outputs`` the
       listeners; ``build_trainer`` the trainer.
    4. ``Trainer.run`` takes the optimizer steps; listeners save the best weights.

    ``spec`` is ``resolve(request)``; pass it if it is already computed. A finished run that is
    resumed is returned without training.

    Raises a subclass of CharloomError for a mistake of the user.
    """
    check_log(request.log, request.output)
    process = process_info_from_torchrun()
    check_sources(request, process)
    with process_group(process) as group:
        if spec is None and process.rank == 0:
            spec = resolve(request)
        spec = broadcast_spec(group, spec)
        if spec.finished and request.output is not None:
            return Model.load(request.output)
        return run(request, spec, group)


def run(request: TrainRequest, spec: RunSpec, group: ProcessGroup | None) -> Model:
    """Read the texts, build the network and train it.

    ``group`` is None for a single process.
    """
    controls = RunControls()
    with on_sigusr1(controls.save):
        corpus = _read_corpus(request, spec, group)
        group = group or _single_process()
        if spec.checkpoint is None:  # a checkpoint has all settings
            spec = _choose_settings(spec, corpus, group)
        components = build_components(request, spec, corpus, group)
        # Tensors can be sent only now: ``build_components`` connects the processes.
        spec = broadcast_checkpoint(group, spec)
        return _train_and_save(request, spec, components, controls)


def _read_corpus(request: TrainRequest, spec: RunSpec, group: ProcessGroup | None) -> Corpus:
    """Read the corpus.

    With several processes, one process of each host reads it first and fills the cache.
    """

    def read() -> Corpus:
        seed = spec.training.seed
        return read_corpus(
            request.training_sources,
            spec.text,
            request.validation_source(spec.validation),
            seed,
            request.on_read,
            spec.base,
        )

    return read() if group is None else group.local_main_first(read)


def _single_process() -> ProcessGroup:
    from charloom.training.distributed.process_group import ProcessGroup

    return ProcessGroup()


def _choose_settings(spec: RunSpec, corpus: Corpus, group: ProcessGroup) -> RunSpec:
    """Return ``spec`` with automatic settings; process 0 measures and chooses for all."""
    chosen = None
    if group.is_main:
        chosen = with_auto_settings(spec, corpus, group.process.world_size)
    return broadcast_spec(group, chosen)


def _train_and_save(
    request: TrainRequest, spec: RunSpec, components: RunComponents, controls: RunControls
) -> Model:
    guard = ListenerGuard(controls.stop)
    with stop_on_signal(controls.stop), _open_writer(request, spec, components) as writer:
        outputs = build_outputs(request, spec, components, guard, writer)
        acceptance = _acceptance(request, components)
        trainer = build_trainer(
            components,
            outputs.listeners,
            outputs.hook,
            is_trained=spec.base is not None,
            accepted_share=None if acceptance is None else acceptance.share,
        )
        controls.attach(trainer, outputs.hook)
        plan, notes = components.plan, start_optimizer(components.backend, spec)
        if outputs.hook is not None:
            notes = [*notes, *outputs.hook.start(trainer, spec.checkpoint)]
        if acceptance is not None and components.group.is_main:
            notes = [*notes, acceptance.try_on(components.corpus.training)]
        plan = dataclasses.replace(plan, notes=tuple(notes), best=trainer.best)
        if request.on_start is not None:
            request.on_start(plan)
        stopped = _run_trainer(trainer, writer)
        if writer is not None and stopped.reason == "budget":
            if spec.training.keep_optimizer:
                writer.save_optimizer(optimizer_state(components.backend, spec))
            writer.remove_checkpoint()
        components.group.finish()
    guard.raise_first()
    output = None if plan.output is None else plan.output.absolute()
    history = outputs.history.history() if outputs.history is not None else output
    return Model(outputs.best_weights.record, history)


def _acceptance(request: TrainRequest, components: RunComponents) -> Acceptance | None:
    """Return what measures the share of accepted texts; None without a checker."""
    if request.checker is None:
        return None
    return Acceptance(
        checker=request.checker, record=components.record, weights=components.backend.tensors
    )


def _open_writer(
    request: TrainRequest, spec: RunSpec, components: RunComponents
) -> contextlib.AbstractContextManager[ModelWriter | None]:
    """Return a writer of the model folder, or None if this process writes none."""
    output = components.plan.output
    if output is None:
        return contextlib.nullcontext()
    return ModelWriter(output, force=request.force, resume=spec.checkpoint is not None)


def _run_trainer(trainer: Trainer, writer: ModelWriter | None) -> Stopped:
    """Run the trainer.

    The message of an error names the folder where earlier weights are saved.
    """
    try:
        return trainer.run()
    except (CheckerError, DivergedError) as error:
        if writer is None or not writer.is_in_place:
            raise
        message = str(error).removesuffix(".")
        kind = type(error)
        raise kind(f"{message}; earlier weights are saved in {writer.path}.") from error
