"""The only place where the parts meet: settings, corpus, network, trainer, listeners, model.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.checkpoint import Stateful
from charloom.errors import ProcessError, SettingsError, TrainingError
from charloom.events import Listener
from charloom.joining import Bystander, check_sources, facts, join, receive, share
from charloom.keeping import Keeper, Recorder, Sampler
from charloom.launch import launched
from charloom.model import Model
from charloom.model_folder import ModelRecord
from charloom.model_writer import ModelWriter, check_free
from charloom.placing import recover
from charloom.plan import Plan
from charloom.presets import options_of, with_options
from charloom.provenance import provenance
from charloom.resuming import Settled, check_keeping, describe_run, go_on
from charloom.saving import Checkpoints
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.signals import interruptible, reporting
from charloom.text.cleaning import clean_prompt
from charloom.text.corpora import defaults
from charloom.text.corpus import Corpus, build
from charloom.text.known import KnownDocuments
from charloom.text.sources import resolve
from charloom.text.store import open_store

if TYPE_CHECKING:
    from charloom.learning.ranks import Ranks
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
    listeners: Sequence[Listener] = (),
    on_start: Callable[[Plan], None] | None = None,
    on_read: Callable[[int], None] | None = None,
    **options: Any,
) -> Model:
    """Train a model on texts and return it with its best weights.

    ``sources`` are files, folders, globs, ``"-"`` (standard input) or names of corpora. ``output``
    is the model folder to make; without one the model lives in memory. ``validation`` is a file of
    one's own to measure on; otherwise a part of the sources is set aside. ``options`` are the
    fields of TextSettings, NetworkSettings and TrainingSettings. ``listeners`` get every event;
    ``on_start`` gets the plan before the first step, ``on_read`` the numbers of bytes read.

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
    if importlib.util.find_spec("torch") is None:
        raise TrainingError(
            "training needs torch, which is not installed here; generating and scoring do not: "
            "install it with pip install torch."
        )
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
    launch = launched()
    check_sources([*names, str(own)], launch)
    with contextlib.ExitStack() as stack:
        ranks = stack.enter_context(join(launch)) if launch.world > 1 else None
        settled = share(ranks, decide)
        if path is not None and settled.finished:
            return Model.load(path)
        if launch.rank > 0:
            path = None
        return _learn(names, settled, path, force, listeners, on_start, on_read, ranks)


def _learn(
    names: Sequence[str],
    settled: Settled,
    output: Path | None,
    force: bool,
    listeners: Sequence[Listener],
    on_start: Callable[[Plan], None] | None,
    on_read: Callable[[int], None] | None,
    ranks: Ranks | None,
) -> Model:
    requests: list[Callable[[], None]] = []  # until there is a trainer, nobody is asked
    resume = settled.earlier is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(reporting(requests))
        read = functools.partial(_corpus, names, settled, on_read)
        corpus = read() if ranks is None else ranks.in_turn(read)
        record = _record(names, corpus, settled, 1 if ranks is None else ranks.launch.world)
        trainer, plan = _trainer(record, corpus, output, names, ranks)
        settled = receive(trainer.ranks, settled)
        stack.enter_context(interruptible(trainer.stop))
        writer = (
            stack.enter_context(ModelWriter(output, force=force, resume=resume)) if output else None
        )
        keeper = Keeper(record, corpus, trainer.network.tensors, trainer.emit, writer)
        sampler = Sampler(record, trainer.network.tensors, trainer.emit)
        trainer.listeners = [keeper, *listeners, *([sampler] if trainer.ranks.first else [])]
        requests.append(trainer.report)
        if writer is not None:
            recorder = Recorder(writer)
            trainer.listeners.insert(0, recorder)
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
        elif not trainer.ranks.alone:
            trainer.boundary = bystander = Bystander(trainer)
            bystander.begin(settled.earlier, keeper)
        if on_start is not None:
            on_start(plan)
        try:
            stopped = trainer.run()
        except TrainingError as error:
            if isinstance(error, ProcessError) or writer is None or not writer.placed:
                raise
            kept = f"{str(error).removesuffix('.')}; what was kept before is in {output}."
            raise TrainingError(kept) from error
        if writer is not None and stopped.reason == "budget":
            writer.remove_checkpoint()
        trainer.ranks.finish()
    return Model(keeper.record)


def _corpus(
    names: Sequence[str], settled: Settled, on_read: Callable[[int], None] | None
) -> Corpus:
    text, validation = settled.text, settled.validation
    store = open_store(resolve(names, text), text, on_read)
    own = None if validation is None else open_store(resolve([validation], text), text)
    return build(store, text, seed=settled.training.seed, validation=own)


def _record(names: Sequence[str], corpus: Corpus, settled: Settled, processes: int) -> ModelRecord:
    """Return what is known of the model before it has learned."""
    hashes = corpus.hashes if settled.training.index else None
    return ModelRecord(
        text=settled.text,
        network=settled.network,
        training=settled.training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(names, corpus, processes),
        known=None if hashes is None else KnownDocuments.of(hashes),
    )


def _trainer(
    record: ModelRecord,
    corpus: Corpus,
    output: Path | None,
    names: Sequence[str],
    ranks: Ranks | None,
) -> tuple[Trainer, Plan]:
    from charloom.learning.batches import DocumentBatches, StreamBatches
    from charloom.learning.network import Network
    from charloom.learning.optimizer import build_optimizer
    from charloom.learning.parts import Parts
    from charloom.learning.placement import place, seed_everything
    from charloom.learning.ranks import Ranks
    from charloom.learning.trainer import VALIDATION, Trainer

    settings = record.training
    ranks = ranks or Ranks()
    placement = place(settings, ranks.launch)
    ranks.compare(facts(record, corpus) | placement.facts())
    ranks.connect(placement.device)
    seed_everything(settings.seed)
    try:
        network = Network(record.network, len(corpus.vocabulary), len(corpus.labels))
        network.to(placement.device)
    except RuntimeError as error:  # what torch raises where memory cannot be had
        raise SettingsError(
            f"{record.network.layers} layers of {record.network.hidden:,} units do not fit into "
            "memory; use a smaller --hidden or fewer --layers."
        ) from error
    ranks.copy(network.parameters())
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
        parts=Parts(network, placement, batch_size=size, seed=seed, launch=ranks.launch),
        settings=settings,
        listeners=[],
        ranks=ranks,
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
        processes=ranks.launch.world,
    )
    return trainer, plan
