"""The only place where the parts meet: settings, corpus, network, trainer, listeners, model.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.errors import SettingsError, TrainingError
from charloom.events import Listener
from charloom.keeping import Keeper, Recorder, Sampler
from charloom.model import Model
from charloom.model_folder import ModelRecord
from charloom.model_writer import ModelWriter, check_free
from charloom.presets import PRESETS
from charloom.provenance import provenance
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.cleaning import clean_prompt
from charloom.text.corpora import defaults
from charloom.text.corpus import Corpus, build
from charloom.text.known import KnownDocuments
from charloom.text.sources import resolve
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
# Signals after which everything is kept; Windows has not all of them.
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


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


def choose(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return the settings of a run: options win over the preset, that over a named corpus' own.

    Prompts of samples are read as ``generate`` reads them. Raises SettingsError for a preset or an
    option that does not exist, and for one that would have no effect.
    """
    if preset is not None and preset not in PRESETS:
        raise SettingsError(f"preset is {preset!r}; there are: {', '.join(PRESETS)}.")
    chosen: dict[str, Any] = defaults(sources)
    budgets = ("minutes", "epochs", "steps")
    if (options.get("unit") or chosen.get("unit")) == "stream":
        chosen["batch_size"] = STREAM_LANES
    if preset is not None:
        kit = PRESETS[preset]
        chosen |= {**kit.text, **kit.network, **kit.training}
    if any(name in options for name in budgets):
        chosen = {name: value for name, value in chosen.items() if name not in budgets}
    chosen |= options
    kinds = (TextSettings, NetworkSettings, TrainingSettings)
    groups = [{field.name for field in dataclasses.fields(kind)} for kind in kinds]
    strange = sorted(set(chosen) - set().union(*groups))
    if strange:
        known = ", ".join(sorted(set().union(*groups)))
        raise SettingsError(f"there is no option {strange[0]!r}; there are: {known}.")
    text, network, training = (
        kind(**{name: chosen[name] for name in group if name in chosen})
        for kind, group in zip(kinds, groups, strict=True)
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


def train(
    sources: Sources,
    *,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    preset: str | None = None,
    force: bool = False,
    listeners: Sequence[Listener] = (),
    on_start: Callable[[Plan], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Model:
    """Train a model on texts and return it with its best weights.

    ``sources`` are files, folders, globs, ``"-"`` (standard input) or names of corpora. ``output``
    is the model folder to make; without one the model lives in memory. ``validation`` is a file of
    one's own to measure on; otherwise a part of the sources is set aside. ``options`` are the
    fields of TextSettings, NetworkSettings and TrainingSettings. ``listeners`` get every event;
    ``on_start`` gets the plan before the first step, ``on_read``, while sources are
    read for the first time, how many more bytes were read, and how many there are.

    Ctrl-C stops after the current step, measures and keeps everything; a second one leaves out the
    measuring. SIGTERM and SIGHUP do so too, and then have the effect that they had before.
    Raises a subclass of CharloomError for whatever a user can mend.
    """
    if importlib.util.find_spec("torch") is None:
        raise TrainingError(
            "training needs torch, which is not installed here; generating and scoring do not: "
            "install it with pip install torch."
        )
    names = [str(s) for s in ([sources] if isinstance(sources, str | Path) else sources)]
    text, network, training = choose(names, preset, options)
    if validation is not None and "valid_fraction" in options:
        raise SettingsError(
            "--valid-fraction and --valid contradict each other: with a file to measure on, "
            "nothing is set aside; give one of them."
        )
    if output is not None:
        check_free(Path(output), force=force)
    corpus = _corpus(names, validation, text, training.seed, on_read)
    record = _record(names, corpus, text, network, training)
    trainer, plan = _trainer(record, corpus, Path(output) if output else None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_interruptible(trainer.stop))
        writer = stack.enter_context(ModelWriter(Path(output), force=force)) if output else None
        keeper = Keeper(record, corpus, trainer.network.tensors, trainer.emit, writer)
        recorders = [Recorder(writer)] if writer else []
        sampler = Sampler(record, trainer.network.tensors, trainer.emit)
        trainer.listeners = [*recorders, keeper, *listeners, sampler]
        if on_start is not None:
            on_start(plan)
        trainer.run()
    return Model(keeper.record)


def _corpus(
    names: Sequence[str],
    validation: str | Path | None,
    text: TextSettings,
    seed: int,
    on_read: Callable[[int, int], None] | None,
) -> Corpus:
    files = resolve(names, text)
    total = sum(file.path.stat().st_size for file in files)
    progress = None if on_read is None else lambda size: on_read(size, total)
    store = open_store(files, text, progress)
    own = None if validation is None else open_store(resolve([str(validation)], text), text)
    return build(store, text, seed=seed, validation=own)


def _record(
    names: Sequence[str],
    corpus: Corpus,
    text: TextSettings,
    network: NetworkSettings,
    training: TrainingSettings,
) -> ModelRecord:
    """Return what is known of the model before it has learned."""
    count = len(corpus.training) if training.index and corpus.hashes is not None else None
    return ModelRecord(
        text=text,
        network=network,
        training=training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(names, corpus),
        known=None if count is None else KnownDocuments.of(corpus.training_hashes, count),
    )


def _trainer(record: ModelRecord, corpus: Corpus, output: Path | None) -> tuple[Trainer, Plan]:
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
    )
    return trainer, plan


@contextlib.contextmanager
def _interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first signal that asks for an end; a second one acts as usual.

    A signal other than Ctrl-C ends more than the training: it is sent once more when all is kept.
    """
    # Other threads cannot listen for signals.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in known}
    # A job in the background of a script ignores Ctrl-C, one under nohup the end of its terminal.
    heard = [number for number in known if before[number] not in (signal.SIG_IGN, None)]
    received: list[int] = []

    def restore() -> None:
        for number in heard:
            signal.signal(number, before[number])

    def handle(number: int, frame: object) -> None:
        restore()
        received.append(number)
        stop()

    for number in heard:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
    for number in received:
        if number != signal.SIGINT:
            signal.raise_signal(number)
