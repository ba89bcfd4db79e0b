"""The only place where the parts meet: settings, corpus, network, trainer, listeners, model.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.errors import DivergedError, TrainingError
from charloom.events import Listener, Stopped
from charloom.model import Model
from charloom.model_folder.writer import ModelWriter
from charloom.runs.build import (
    build_trainer,
    initial_record,
    read_corpus,
    with_auto_settings,
    with_outcome,
)
from charloom.runs.checkpointing import Checkpointer
from charloom.runs.listeners import BestWeights, EventLog, ListenerGuard, SampleWriter
from charloom.runs.plan import Plan
from charloom.runs.processes import (
    CheckpointPeer,
    broadcast_checkpoint,
    broadcast_spec,
    check_sources,
    init_process_group,
)
from charloom.runs.resolve import resolve_run
from charloom.runs.resume import describe_run
from charloom.runs.signals import on_sigusr1, stop_on_signal
from charloom.runs.spec import RunSpec
from charloom.runs.tensorboard import TensorBoardLog, check_log
from charloom.training.distributed.launch import process_info_from_torchrun
from charloom.training.stateful import Stateful

if TYPE_CHECKING:
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.trainer import Trainer

Sources = str | Path | Sequence[str | Path]


def train(
    sources: Sources,
    *,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
    log: str | None = None,
    listeners: Sequence[Listener] = (),
    on_start: Callable[[Plan], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Model:
    """Train a model on texts and return it with its best weights.

    ``sources`` are files, folders, globs, ``"-"`` (standard input) or names of corpora. ``output``
    is the model folder to make; without one the model lives in memory. ``validation`` is a file of
    one's own to measure on; otherwise a part of the sources is set aside. ``options`` are the
    fields of TextSettings, NetworkSettings and TrainingSettings. ``log="tensorboard"`` also writes
    the run for TensorBoard, into ``output``. ``on_start`` gets the plan before the first step,
    ``on_read``, while sources are read for the first time, how many more bytes were read and how
    many there are.

    ``listeners`` are called with every event, in turn and between two steps; a Validation comes
    when the best weights are kept. One that raises hears no more, and the run ends as with Ctrl-C:
    its exception is raised when everything is kept.

    Every ``checkpoint_seconds`` (30) the run's state is saved in ``output``. With ``resume`` a run
    goes on there after the last save, however it ended; settings that are left out are those it
    has. A run that has used its budget is not trained further, and its model returned.

    Ctrl-C stops after the current step, measures and keeps everything; a second one leaves out the
    measuring. SIGTERM and SIGHUP do so too, and then have the effect that they had before. SIGUSR1
    measures, writes samples and saves after the current step.

    Started by torchrun, several processes learn as one: each calls this with the same arguments,
    process 0 alone looks at ``output`` and writes there, and all get the same model. Listeners are
    each process' own.
    Raises a subclass of CharloomError for whatever a user can mend.
    """
    _check_installed(log, output)
    names = [str(s) for s in ([sources] if isinstance(sources, str | Path) else sources)]
    path = None if output is None else Path(output)
    own = None if validation is None else str(validation)
    decide = functools.partial(
        resolve_run,
        names,
        options,
        output=path,
        validation=own,
        preset=preset,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
    )
    learn = functools.partial(_learn, names, force, log, listeners, on_start, on_read)
    return _together([*names, str(own)], path, decide, learn)


def _together(
    names: Sequence[str],
    output: Path | None,
    decide: Callable[[], RunSpec],
    learn: Callable[[RunSpec, Path | None, ProcessGroup | None], Model],
) -> Model:
    """Decide and learn, with the other processes if there are any."""
    launch = process_info_from_torchrun()
    check_sources(names, launch)
    with contextlib.ExitStack() as stack:
        ranks = stack.enter_context(init_process_group(launch)) if launch.world_size > 1 else None
        settled = broadcast_spec(ranks, decide)
        if output is not None and settled.finished:
            return Model.load(output)
        return learn(settled, None if launch.rank > 0 else output, ranks)


def _learn(
    names: Sequence[str],
    force: bool,
    log: str | None,
    listeners: Sequence[Listener],
    on_start: Callable[[Plan], None] | None,
    on_read: Callable[[int, int], None] | None,
    settled: RunSpec,
    output: Path | None,
    ranks: ProcessGroup | None,
) -> Model:
    requests: list[Callable[[], None]] = []  # until there is a trainer, nobody is asked
    resume = settled.checkpoint is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(on_sigusr1(requests))
        read = functools.partial(
            read_corpus, names, settled.text, settled.validation, settled.training.seed, on_read
        )
        corpus = read() if ranks is None else ranks.local_main_first(read)
        processes = 1 if ranks is None else ranks.process.world_size
        if not resume:
            settled = broadcast_spec(
                ranks, functools.partial(with_auto_settings, settled, corpus, processes)
            )
        record = initial_record(names, corpus, settled, processes)
        trainer, plan = build_trainer(record, corpus, output, names, ranks)
        record = with_outcome(record, plan)
        settled = broadcast_checkpoint(trainer.process_group, settled)
        guard = ListenerGuard(trainer.stop)
        stack.enter_context(stop_on_signal(trainer.stop))
        writer = (
            stack.enter_context(ModelWriter(output, force=force, resume=resume)) if output else None
        )
        keeper = BestWeights(record, corpus, trainer.network.tensors, trainer.emit, writer)
        sampler = SampleWriter(record, trainer.network.tensors, trainer.emit)
        heard = map(guard.wrap, listeners)
        trainer.listeners = [keeper, *heard, *([sampler] if trainer.process_group.is_main else [])]
        requests.append(trainer.request_validation)
        if writer is not None:
            if log is not None:
                trainer.listeners.insert(0, TensorBoardLog(writer, record))
            saving = _saving(writer, settled, plan, trainer, keeper, sampler)
            requests.append(saving.request)
            told = tuple(saving.start(settled.checkpoint))
            plan = dataclasses.replace(plan, notes=told, best=trainer.best)
        elif not trainer.process_group.is_single:
            trainer.step_hook = bystander = CheckpointPeer(trainer)
            bystander.start(settled.checkpoint, keeper)
        if on_start is not None:
            on_start(plan)
        stopped = _run(trainer, writer)
        if writer is not None and stopped.reason == "budget":
            writer.remove_checkpoint()
        trainer.process_group.finish()
    guard.raise_first()
    return Model(keeper.record)


def _saving(
    writer: ModelWriter,
    settled: RunSpec,
    plan: Plan,
    trainer: Trainer,
    keeper: BestWeights,
    sampler: SampleWriter,
) -> Checkpointer:
    """Let the run be recorded, and saved between steps; return what saves it."""
    recorder = EventLog(writer)
    trainer.listeners.insert(0, recorder)
    # Whatever has a state that must go on after a kill joins with a line here.
    members: dict[str, Stateful] = {
        "trainer": trainer,
        "keeper": keeper,
        "sampler": sampler,
        "recorder": recorder,
    }
    kinds = ("threads", "processes", "device", "precision")
    machine = {name: getattr(plan, name) for name in kinds}
    run = describe_run(settled, plan.sources, plan.corpus, machine)
    saving = Checkpointer(writer, run, members, trainer, keeper)
    trainer.step_hook = saving
    return saving


def _run(trainer: Trainer, writer: ModelWriter | None) -> Stopped:
    """Train; an error tells also where what was kept before it is."""
    try:
        return trainer.run()
    except DivergedError as error:
        if writer is None or not writer.is_in_place:
            raise
        kept = f"{str(error).removesuffix('.')}; what was kept before is in {writer.path}."
        raise DivergedError(kept) from error


def _check_installed(log: str | None, output: str | Path | None) -> None:
    """Raise TrainingError if a package is missing, and what ``check_log`` raises."""
    if importlib.util.find_spec("torch") is None:
        raise TrainingError(
            "training needs torch, which is not installed here; generating and scoring do not: "
            "install it with pip install torch."
        )
    check_log(log, output)
