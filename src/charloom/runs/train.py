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
from charloom.runs.build import advised, carried_out, read_corpus, record_of, trainer_of
from charloom.runs.checkpointing import Checkpoints
from charloom.runs.listeners import Guard, Keeper, Recorder, Sampler
from charloom.runs.plan import Plan
from charloom.runs.processes import Bystander, check_sources, join, receive, share
from charloom.runs.resolve import settle
from charloom.runs.resume import describe_run
from charloom.runs.signals import interruptible, reporting
from charloom.runs.spec import Settled
from charloom.runs.tensorboard import TensorBoardLog, check_log
from charloom.training.distributed.launch import launched
from charloom.training.stateful import Stateful

if TYPE_CHECKING:
    from charloom.training.distributed.process_group import Ranks
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
        settle,
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
    decide: Callable[[], Settled],
    learn: Callable[[Settled, Path | None, Ranks | None], Model],
) -> Model:
    """Decide and learn, with the other processes if there are any."""
    launch = launched()
    check_sources(names, launch)
    with contextlib.ExitStack() as stack:
        ranks = stack.enter_context(join(launch)) if launch.world > 1 else None
        settled = share(ranks, decide)
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
    settled: Settled,
    output: Path | None,
    ranks: Ranks | None,
) -> Model:
    requests: list[Callable[[], None]] = []  # until there is a trainer, nobody is asked
    resume = settled.earlier is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(reporting(requests))
        read = functools.partial(
            read_corpus, names, settled.text, settled.validation, settled.training.seed, on_read
        )
        corpus = read() if ranks is None else ranks.in_turn(read)
        processes = 1 if ranks is None else ranks.launch.world
        if not resume:
            settled = share(ranks, functools.partial(advised, settled, corpus, processes))
        record = record_of(names, corpus, settled, processes)
        trainer, plan = trainer_of(record, corpus, output, names, ranks)
        record = carried_out(record, plan)
        settled = receive(trainer.ranks, settled)
        guard = Guard(trainer.stop)
        stack.enter_context(interruptible(trainer.stop))
        writer = (
            stack.enter_context(ModelWriter(output, force=force, resume=resume)) if output else None
        )
        keeper = Keeper(record, corpus, trainer.network.tensors, trainer.emit, writer)
        sampler = Sampler(record, trainer.network.tensors, trainer.emit)
        heard = map(guard.around, listeners)
        trainer.listeners = [keeper, *heard, *([sampler] if trainer.ranks.first else [])]
        requests.append(trainer.report)
        if writer is not None:
            if log is not None:
                trainer.listeners.insert(0, TensorBoardLog(writer, record))
            saving = _saving(writer, settled, plan, trainer, keeper, sampler)
            requests.append(saving.ask)
            told = tuple(saving.begin(settled.earlier))
            plan = dataclasses.replace(plan, notes=told, best=trainer.best)
        elif not trainer.ranks.alone:
            trainer.boundary = bystander = Bystander(trainer)
            bystander.begin(settled.earlier, keeper)
        if on_start is not None:
            on_start(plan)
        stopped = _run(trainer, writer)
        if writer is not None and stopped.reason == "budget":
            writer.remove_checkpoint()
        trainer.ranks.finish()
    guard.raise_first()
    return Model(keeper.record)


def _saving(
    writer: ModelWriter,
    settled: Settled,
    plan: Plan,
    trainer: Trainer,
    keeper: Keeper,
    sampler: Sampler,
) -> Checkpoints:
    """Let the run be recorded, and saved between steps; return what saves it."""
    recorder = Recorder(writer)
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
    saving = Checkpoints(writer, run, members, trainer, keeper)
    trainer.boundary = saving
    return saving


def _run(trainer: Trainer, writer: ModelWriter | None) -> Stopped:
    """Train; an error tells also where what was kept before it is."""
    try:
        return trainer.run()
    except DivergedError as error:
        if writer is None or not writer.placed:
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
