"""The objects of a run: the corpus, the settings that follow from it, the network, the trainer.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from charloom.data.corpus import Corpus, build
from charloom.data.sources import resolve, size
from charloom.data.store import open_store
from charloom.errors import SettingsError
from charloom.model_folder.document_index import KnownDocuments
from charloom.model_folder.format import ModelRecord
from charloom.runs.auto import Facts, advise
from charloom.runs.plan import Plan, provenance
from charloom.runs.processes import facts
from charloom.runs.spec import Settled
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

if TYPE_CHECKING:
    from charloom.training.batches import Batches
    from charloom.training.distributed.process_group import Ranks
    from charloom.training.trainer import Trainer

LABEL_DROPOUT: Final = 0.1
"""Share of the documents that are read without their label while training, so that a labelled model
can also be used without naming a label."""


def read_corpus(
    names: Sequence[str],
    text: TextSettings,
    validation: str | None,
    seed: int,
    on_read: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Return the texts that are learned from and measured on."""
    files = resolve(names, text)
    total = size(files)
    progress = None if on_read is None else lambda read: on_read(read, total)
    store = open_store(files, text, progress)
    own = None if validation is None else open_store(resolve([validation], text), text)
    return build(store, text, seed=seed, validation=own)


def advised(settled: Settled, corpus: Corpus, processes: int) -> Settled:
    """Return what is to be done, with what was left open decided."""
    if settled.given is None:
        return settled
    from charloom.training.device import precisions
    from charloom.training.throughput import symbols_per_second

    part, vocabulary = corpus.training, len(corpus.vocabulary)
    device, candidates = precisions(settled.training)
    facts = Facts(
        symbols=part.total_symbols,
        documents=len(part),
        vocabulary=vocabulary,
        unit=settled.text.unit,
        device="cuda" if device.type == "cuda" else "cpu",
        precisions=candidates,
    )

    def speed(network: NetworkSettings, training: TrainingSettings) -> float:
        length, share = facts.length(training.window), max(training.batch_size // processes, 1)
        own = dataclasses.replace(training, batch_size=share)
        return processes * symbols_per_second(network, own, vocabulary, length)

    network, training = advise(settled.network, settled.training, settled.given, facts, speed)
    return dataclasses.replace(settled, network=network, training=training)


def record_of(
    names: Sequence[str], corpus: Corpus, settled: Settled, processes: int
) -> ModelRecord:
    """Return what is known of the model before it has learned."""
    indexed = settled.training.index and corpus.hashes is not None
    return ModelRecord(
        text=settled.text,
        network=settled.network,
        training=settled.training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(names, settled.validation, corpus, processes),
        known=KnownDocuments.of(corpus.training_hashes, len(corpus.training)) if indexed else None,
    )


def carried_out(record: ModelRecord, plan: Plan) -> ModelRecord:
    """Return ``record`` with what became of settings that leave a choice, as the plan tells it."""
    chosen = {
        "device": plan.device,
        "precision": plan.precision,
        "parameters": sum(count for _, count in plan.layers),
        "notes": list(plan.corpus.notes),
    }
    return dataclasses.replace(record, provenance={**record.provenance, **chosen})


def trainer_of(
    record: ModelRecord,
    corpus: Corpus,
    output: Path | None,
    names: Sequence[str],
    ranks: Ranks | None,
) -> tuple[Trainer, Plan]:
    """Return what trains, and what it is about to do. Raises SettingsError."""
    from charloom.network.autograd.module import Network
    from charloom.training.batches import DocumentBatches
    from charloom.training.data_parallel import Parts
    from charloom.training.device import place, seed_everything
    from charloom.training.distributed.process_group import Ranks
    from charloom.training.optim.optimizer import build_optimizer
    from charloom.training.progress import LEAST_GAP, LONG_GAP
    from charloom.training.trainer import VALIDATION, Trainer

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
    size, seed = settings.batch_size, settings.seed
    parts = Parts(network, placement, batch_size=size, seed=seed, launch=ranks.launch)
    trainer = Trainer(
        network=network,
        training=_batches(record, corpus),
        validation=DocumentBatches(part=corpus.validation, seed=None, **VALIDATION),
        optimizer=build_optimizer(network, settings, parts.threads, rounded=parts.rounded),
        parts=parts,
        settings=settings,
        listeners=[],
        ranks=ranks,
        gap=LONG_GAP if record.text.unit == "stream" else LEAST_GAP,
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
        threads=trainer.parts.all_threads,
        processes=ranks.launch.world,
    )
    return trainer, plan


def _batches(record: ModelRecord, corpus: Corpus) -> Batches:
    """Return the minibatches of the training part."""
    from charloom.training.batches import DocumentBatches, StreamBatches

    settings, part = record.training, corpus.training
    size, window, seed = settings.batch_size, settings.window, settings.seed
    if record.text.unit == "stream":
        return StreamBatches(part=part, batch_size=size, window=window, seed=seed)
    return DocumentBatches(
        part=part, batch_size=size, window=window, seed=seed, label_dropout=LABEL_DROPOUT
    )
