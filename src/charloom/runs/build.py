"""The objects of a run: the corpus, the settings that follow from it, the network, the trainer.

torch is imported when training begins, not before: a mistake in an option or a source is told at
once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from charloom.data.corpus import Corpus, build_corpus
from charloom.data.sources import resolve_sources, total_bytes
from charloom.data.store import open_store
from charloom.errors import SettingsError
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import ModelRecord
from charloom.runs.auto import CorpusProfile, auto_settings
from charloom.runs.plan import Plan, provenance
from charloom.runs.processes import agreement_keys
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

if TYPE_CHECKING:
    from charloom.training.batches import Batches
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.trainer import Trainer

LABEL_DROPOUT: Final = 0.1
"""Share of the documents that are read without their label while training, so that a labelled model
can also be used without naming a label."""


def read_corpus(
    sources: Sequence[str],
    text: TextSettings,
    validation: str | None,
    seed: int,
    on_read: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Return the texts that are learned from and measured on."""
    files = resolve_sources(sources, text)
    total = total_bytes(files)
    progress = None if on_read is None else lambda read: on_read(read, total)
    store = open_store(files, text, progress)
    validation_store = (
        None if validation is None else open_store(resolve_sources([validation], text), text)
    )
    return build_corpus(store, text, seed=seed, validation=validation_store)


def with_auto_settings(spec: RunSpec, corpus: Corpus, processes: int) -> RunSpec:
    """Return what is to be done, with what was left open decided."""
    if spec.explicit is None:
        return spec
    from charloom.training.device import candidate_precisions
    from charloom.training.throughput import measure_symbols_per_second

    part, vocabulary = corpus.training, len(corpus.vocabulary)
    device, candidates = candidate_precisions(spec.training)
    profile = CorpusProfile(
        symbols=part.total_symbols,
        documents=len(part),
        vocabulary=vocabulary,
        unit=spec.text.unit,
        device="cuda" if device.type == "cuda" else "cpu",
        precisions=candidates,
    )

    def speed(network: NetworkSettings, training: TrainingSettings) -> float:
        length, share = (
            profile.sequence_symbols(training.window),
            max(training.batch_size // processes, 1),
        )
        own = dataclasses.replace(training, batch_size=share)
        return processes * measure_symbols_per_second(network, own, vocabulary, length)

    network, training = auto_settings(spec.network, spec.training, spec.explicit, profile, speed)
    return dataclasses.replace(spec, network=network, training=training)


def initial_record(
    sources: Sequence[str], corpus: Corpus, spec: RunSpec, processes: int
) -> ModelRecord:
    """Return what is known of the model before it has learned."""
    indexed = spec.training.index and corpus.hashes is not None
    return ModelRecord(
        text=spec.text,
        network=spec.network,
        training=spec.training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(sources, spec.validation, corpus, processes),
        document_index=DocumentIndex.from_hashes(corpus.training_hashes, len(corpus.training))
        if indexed
        else None,
    )


def with_outcome(record: ModelRecord, plan: Plan) -> ModelRecord:
    """Return ``record`` with what became of settings that leave a choice, as the plan tells it."""
    outcome = {
        "device": plan.device,
        "precision": plan.precision,
        "parameters": sum(count for _, count in plan.layers),
        "notes": list(plan.corpus.notes),
    }
    return dataclasses.replace(record, provenance={**record.provenance, **outcome})


def build_trainer(
    record: ModelRecord,
    corpus: Corpus,
    output: Path | None,
    sources: Sequence[str],
    ranks: ProcessGroup | None,
) -> tuple[Trainer, Plan]:
    """Return what trains, and what it is about to do. Raises SettingsError."""
    from charloom.network.autograd.module import Network
    from charloom.training.batches import DocumentBatches
    from charloom.training.data_parallel import DataParallel
    from charloom.training.device import choose_device, seed_everything
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.optim.optimizer import build_optimizer
    from charloom.training.progress import MIN_INTERVAL, STREAM_MIN_INTERVAL
    from charloom.training.trainer import Trainer
    from charloom.training.validation import VALIDATION_BATCHES

    settings = record.training
    ranks = ranks or ProcessGroup()
    placement = choose_device(settings, ranks.process)
    ranks.check_agreement(agreement_keys(record, corpus) | placement.agreement_keys())
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
    ranks.broadcast_(network.parameters())
    size, seed = settings.batch_size, settings.seed
    parts = DataParallel(network, placement, batch_size=size, seed=seed, process=ranks.process)
    trainer = Trainer(
        network=network,
        training_batches=_training_batches(record, corpus),
        validation_batches=DocumentBatches(
            dataset=corpus.validation, seed=None, **VALIDATION_BATCHES
        ),
        optimizer=build_optimizer(network, settings, parts.threads, bf16=parts.bf16),
        data_parallel=parts,
        settings=settings,
        listeners=[],
        process_group=ranks,
        min_interval=STREAM_MIN_INTERVAL if record.text.unit == "stream" else MIN_INTERVAL,
    )
    plan = Plan(
        text=record.text,
        network=record.network,
        training=settings,
        corpus=corpus,
        layers=tuple(network.parameter_counts()),
        device=str(placement.device),
        precision=placement.precision,
        output=output,
        sources=tuple(sources),
        threads=trainer.data_parallel.total_threads,
        processes=ranks.process.world_size,
    )
    return trainer, plan


def _training_batches(record: ModelRecord, corpus: Corpus) -> Batches:
    """Return the minibatches of the training part."""
    from charloom.training.batches import DocumentBatches, StreamBatches

    settings, part = record.training, corpus.training
    size, window, seed = settings.batch_size, settings.window, settings.seed
    if record.text.unit == "stream":
        return StreamBatches(dataset=part, batch_size=size, window=window, seed=seed)
    return DocumentBatches(
        dataset=part, batch_size=size, window=window, seed=seed, label_dropout=LABEL_DROPOUT
    )
