"""The only place where the parts meet: settings, corpus, network, trainer, listeners, model.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.errors import SettingsError
from charloom.events import Listener
from charloom.keeping import Keeper, Recorder, Sampler
from charloom.model import Model
from charloom.model_folder import ModelRecord
from charloom.model_writer import ModelWriter, check_free
from charloom.presets import PRESETS
from charloom.provenance import provenance
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.corpora import defaults
from charloom.text.corpus import Corpus, build
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

    Raises SettingsError for a preset or an option that does not exist.
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
    return text, network, training


def train(
    sources: Sources,
    *,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    preset: str | None = None,
    force: bool = False,
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

    Ctrl-C stops after the current step and keeps everything; a second one stops at once.
    Raises a subclass of CharloomError for whatever a user can mend.
    """
    names = [str(s) for s in ([sources] if isinstance(sources, str | Path) else sources)]
    text, network, training = choose(names, preset, options)
    if output is not None:
        check_free(Path(output), force=force)
    corpus = _corpus(names, validation, text, training.seed, on_read)
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(ModelWriter(Path(output), force=force)) if output else None
        record = ModelRecord(
            text=text,
            network=network,
            training=training,
            vocabulary=corpus.vocabulary,
            labels=corpus.labels,
            tensors={},
            provenance=provenance(names, corpus),
        )
        trainer, plan = _trainer(record, corpus, Path(output) if output else None)
        keeper = Keeper(record, corpus, trainer.network.tensors, trainer.emit, writer)
        recorders = [Recorder(writer)] if writer else []
        sampler = Sampler(record, trainer.network.tensors, trainer.emit)
        trainer.listeners = [*recorders, keeper, *listeners, sampler]
        if on_start is not None:
            on_start(plan)
        with _interruptible(trainer.stop):
            trainer.run()
        return Model(keeper.record)


def _corpus(
    names: Sequence[str],
    validation: str | Path | None,
    text: TextSettings,
    seed: int,
    on_read: Callable[[int], None] | None,
) -> Corpus:
    store = open_store(resolve(names, text), text, on_read)
    own = None if validation is None else open_store(resolve([str(validation)], text), text)
    return build(store, text, seed=seed, validation=own)


def _trainer(record: ModelRecord, corpus: Corpus, output: Path | None) -> tuple[Trainer, Plan]:
    from charloom.learning.batches import DocumentBatches, StreamBatches
    from charloom.learning.network import Network
    from charloom.learning.optimizer import build_optimizer
    from charloom.learning.placement import place, seed_everything
    from charloom.learning.trainer import VALIDATION, Trainer

    settings = record.training
    placement = place(settings)
    seed_everything(settings.seed)
    network = Network(record.network, len(corpus.vocabulary), len(corpus.labels))
    network.to(placement.device)
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
        placement=placement,
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
    """Call ``stop`` at the first Ctrl-C; the second one interrupts as usual."""
    before = signal.getsignal(signal.SIGINT)
    # A job in the background of a script ignores Ctrl-C, and other threads cannot listen for it.
    if before == signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
