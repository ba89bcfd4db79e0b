"""The only place where the parts meet: settings, corpus, network, trainer, listeners, model.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.checkpoint import Stateful
from charloom.errors import SettingsError, TrainingError
from charloom.events import Listener
from charloom.keeping import Keeper, Recorder, Sampler
from charloom.listening import Guard
from charloom.model import Model
from charloom.model_folder import ModelRecord
from charloom.model_writer import ModelWriter, check_free
from charloom.placing import recover
from charloom.presets import options_of, with_options
from charloom.provenance import provenance
from charloom.resuming import Settled, check_keeping, describe_run, go_on
from charloom.saving import Checkpoints
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.signals import interruptible, reporting
from charloom.tensorboard_log import TensorBoardLog, check_log
from charloom.text.cleaning import clean_prompt
from charloom.text.corpora import defaults
from charloom.text.corpus import Corpus, build
from charloom.text.known import KnownDocuments
from charloom.text.sources import resolve, size
from charloom.text.store import open_store

if TYPE_CHECKING:
    from charloom.learning.trainer import Trainer

Sources = str | Path | Sequence[str | Path]

# A lane of a stream yields a whole window at every step, a document far less: fewer lanes make
# steps of like size (docs/experiments.md).
STREAM_LANES = 8
# Documents that are read without their label while training, so that a labelled model can also be
# used without naming a label.
LABEL_DROPOUT = 0.1
_KINDS = (TextSettings, NetworkSettings, TrainingSettings)
_GROUPS = [{field.name for field in dataclasses.fields(kind)} for kind in _KINDS]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training run is about to do."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    corpus: Corpus
    layers: tuple[tuple[str, int], ...]
    """Each part of the network and its number of parameters."""
    device: str
    precision: str
    output: Path | None
    sources: tuple[str, ...] = ()
    threads: int = 1
    best: float = math.inf
    """The best figure before a run that was stopped goes on, in bits per character."""
    notes: tuple[str, ...] = ()
    """What the user should be told, besides what concerns the corpus."""


def choose(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return the settings of a run: options win over the preset, that over a named corpus' own.

    Prompts of samples are read as ``generate`` reads them. Raises SettingsError for a preset or an
    option that does not exist, and for one that would have no effect.
    """
    kit = {} if preset is None else options_of(preset)
    chosen: dict[str, Any] = defaults(sources)
    if (options.get("unit") or chosen.get("unit")) == "stream":
        chosen["batch_size"] = STREAM_LANES
    chosen = with_options(chosen | kit, options)
    _check_names(chosen)
    text, network, training = (
        kind(**{name: chosen[name] for name in group if name in chosen})
        for kind, group in zip(_KINDS, _GROUPS, strict=True)
    )
    if "weight_decay" in options and training.optimizer != "adamw":
        raise SettingsError(
            f"weight-decay was given with optimizer {training.optimizer}, which has none; "
            "leave it out, or use --optimizer adamw."
        )
    if "index" in options and training.index and text.unit == "stream":
        raise SettingsError(
            "index was asked for with unit stream; a stream has no documents to keep hashes of: "
            "leave it out, or use --unit line or --unit document."
        )
    prompts = tuple(clean_prompt(prompt, text) for prompt in training.prompts)
    return text, network, dataclasses.replace(training, prompts=prompts)


def _check_names(options: Mapping[str, Any]) -> None:
    strange = sorted(set(options) - set().union(*_GROUPS))
    if strange:
        known = ", ".join(sorted(set().union(*_GROUPS)))
        raise SettingsError(f"there is no option {strange[0]!r}; there are: {known}.")


def settle(
    sources: Sequence[str],
    options: Mapping[str, Any],
    *,
    output: Path | None,
    validation: str | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
) -> Settled:
    """Return what is to be done; the arguments are those of ``train``.

    With ``resume`` the settings are those of the run in ``output``, and options that are given must
    be the same. Raises SettingsError, OutputError and ResumeError.
    """
    check_keeping(output, force=force, resume=resume, checkpoint_seconds=checkpoint_seconds)
    if validation is not None and "valid_fraction" in options:
        raise SettingsError(
            "--valid-fraction and --valid contradict each other: with a file to measure on, "
            "nothing is set aside; give one of them."
        )
    if output is not None:
        recover(output)
        if resume:
            _check_names(options)
            asked = with_options({} if preset is None else options_of(preset), options)
            return go_on(output, asked, validation, checkpoint_seconds)
    text, network, training = choose(sources, preset, options)
    if output is not None:
        check_free(output, force=force)
    return Settled(
        text=text,
        network=network,
        training=training,
        validation=validation,
        checkpoint_seconds=checkpoint_seconds,
    )


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
    Raises a subclass of CharloomError for whatever a user can mend.
    """
    _check_installed(log, output)
    names = [str(s) for s in ([sources] if isinstance(sources, str | Path) else sources)]
    path = None if output is None else Path(output)
    settled = settle(
        names,
        options,
        output=path,
        validation=None if validation is None else str(validation),
        preset=preset,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
    )
    if path is not None and settled.finished:
        return Model.load(path)
    return _learn(names, settled, path, force, log, listeners, on_start, on_read)


def _learn(
    names: Sequence[str],
    settled: Settled,
    output: Path | None,
    force: bool,
    log: str | None,
    listeners: Sequence[Listener],
    on_start: Callable[[Plan], None] | None,
    on_read: Callable[[int, int], None] | None,
) -> Model:
    requests: list[Callable[[], None]] = []  # until there is a trainer, nobody is asked
    resume = settled.earlier is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(reporting(requests))
        corpus = _corpus(names, settled, on_read)
        record = _record(names, corpus, settled)
        trainer, plan = _trainer(record, corpus, output, names)
        record = _carried_out(record, plan)
        guard = Guard(trainer.stop)
        stack.enter_context(interruptible(trainer.stop))
        writer = (
            stack.enter_context(ModelWriter(output, force=force, resume=resume)) if output else None
        )
        keeper = Keeper(record, corpus, trainer.network.tensors, trainer.emit, writer)
        sampler = Sampler(record, trainer.network.tensors, trainer.emit)
        trainer.listeners = [keeper, *map(guard.around, listeners), sampler]
        requests.append(trainer.report)
        if writer is not None:
            recorder = Recorder(writer)
            trainer.listeners.insert(0, recorder)
            if log is not None:
                trainer.listeners.insert(1, TensorBoardLog(writer, record))
            # Whatever has a state that must go on after a kill joins with a line here.
            members: dict[str, Stateful] = {
                "trainer": trainer,
                "keeper": keeper,
                "sampler": sampler,
                "recorder": recorder,
            }
            saving = Checkpoints(writer, describe_run(plan, settled), members, trainer, keeper)
            requests.append(saving.ask)
            trainer.boundary = saving
            plan = dataclasses.replace(
                plan, notes=tuple(saving.begin(settled.earlier)), best=trainer.best
            )
        if on_start is not None:
            on_start(plan)
        try:
            stopped = trainer.run()
        except TrainingError as error:
            if writer is None or not writer.placed:
                raise
            kept = f"{str(error).removesuffix('.')}; what was kept before is in {output}."
            raise TrainingError(kept) from error
        if writer is not None and stopped.reason == "budget":
            writer.remove_checkpoint()
    guard.raise_first()
    return Model(keeper.record)


def _check_installed(log: str | None, output: str | Path | None) -> None:
    """Raise TrainingError if a package is missing, and what ``check_log`` raises."""
    if importlib.util.find_spec("torch") is None:
        raise TrainingError(
            "training needs torch, which is not installed here; generating and scoring do not: "
            "install it with pip install torch."
        )
    check_log(log, output)


def _corpus(
    names: Sequence[str], settled: Settled, on_read: Callable[[int, int], None] | None
) -> Corpus:
    text, validation = settled.text, settled.validation
    files = resolve(names, text)
    total = size(files)
    progress = None if on_read is None else lambda read: on_read(read, total)
    store = open_store(files, text, progress)
    own = None if validation is None else open_store(resolve([validation], text), text)
    return build(store, text, seed=settled.training.seed, validation=own)


def _record(names: Sequence[str], corpus: Corpus, settled: Settled) -> ModelRecord:
    """Return what is known of the model before it has learned."""
    indexed = settled.training.index and corpus.hashes is not None
    return ModelRecord(
        text=settled.text,
        network=settled.network,
        training=settled.training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(names, corpus),
        known=KnownDocuments.of(corpus.training_hashes, len(corpus.training)) if indexed else None,
    )


def _carried_out(record: ModelRecord, plan: Plan) -> ModelRecord:
    """Return ``record`` with what became of settings that leave a choice, as the plan tells it."""
    chosen = {
        "device": plan.device,
        "precision": plan.precision,
        "parameters": sum(count for _, count in plan.layers),
        "notes": list(plan.corpus.notes),
    }
    return dataclasses.replace(record, provenance={**record.provenance, **chosen})


def _trainer(
    record: ModelRecord, corpus: Corpus, output: Path | None, names: Sequence[str]
) -> tuple[Trainer, Plan]:
    from charloom.learning.batches import DocumentBatches, StreamBatches
    from charloom.learning.network import Network
    from charloom.learning.optimizer import build_optimizer
    from charloom.learning.parts import Parts
    from charloom.learning.placement import place, seed_everything
    from charloom.learning.trainer import VALIDATION, Trainer

    settings = record.training
    placement = place(settings)
    seed_everything(settings.seed)
    try:
        network = Network(record.network, len(corpus.vocabulary), len(corpus.labels))
        network.to(placement.device)
    except RuntimeError as error:  # what torch raises where memory cannot be had
        raise SettingsError(
            f"{record.network.layers} layers of {record.network.hidden:,} units do not fit into "
            "memory; use a smaller --hidden or fewer --layers."
        ) from error
    size, window, seed = settings.batch_size, settings.window, settings.seed
    trainer = Trainer(
        network=network,
        training=StreamBatches(part=corpus.training, batch_size=size, window=window, seed=seed)
        if record.text.unit == "stream"
        else DocumentBatches(
            part=corpus.training,
            batch_size=size,
            window=window,
            seed=seed,
            label_dropout=LABEL_DROPOUT,
        ),
        validation=DocumentBatches(part=corpus.validation, seed=None, **VALIDATION),
        optimizer=build_optimizer(network, settings),
        parts=Parts(network, placement, batch_size=size, seed=seed),
        settings=settings,
        listeners=[],
    )
    plan = Plan(
        text=record.text,
        network=record.network,
        training=settings,
        corpus=corpus,
        layers=tuple(network.layer_sizes()),
        device=str(placement.device),
        precision=placement.precision,
        output=output,
        sources=tuple(names),
        threads=trainer.parts.threads,
    )
    return trainer, plan
