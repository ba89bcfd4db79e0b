"""Build the objects of a run: corpus, settings, network, record and trainer.

torch is imported inside functions, after options and sources have been checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from charloom.data.corpus import Corpus, build_corpus
from charloom.data.source_file import SourceFile
from charloom.data.sources import resolve_sources, total_bytes
from charloom.data.store import open_store
from charloom.errors import SettingsError
from charloom.events import EmittingListener
from charloom.formatting import format_count
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import ModelRecord
from charloom.runs.auto import MAX_MEASURED_SIZES, CorpusProfile, auto_settings
from charloom.runs.base import Base, widen_tensors
from charloom.runs.plan import Plan, provenance
from charloom.runs.processes import agreement_keys
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

if TYPE_CHECKING:
    from charloom.network.freezing import FrozenRows
    from charloom.network.parameters import Parameters
    from charloom.training.backend import Backend
    from charloom.training.batches import Batches
    from charloom.training.device import DeviceConfig
    from charloom.training.distributed.process_group import ProcessGroup
    from charloom.training.step_hook import StepHook
    from charloom.training.trainer import Trainer
    from charloom.training.weighted_documents import WeightedDocuments

LABEL_DROPOUT: Final = 0.1
"""Fraction of documents that are read without their label in training, so that a labelled model can
also generate without a label."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunComponents:
    """The objects from which the trainer and the listeners of a run are built."""

    group: ProcessGroup
    corpus: Corpus
    backend: Backend
    plan: Plan
    record: ModelRecord
    """The model before training, without weights."""


def read_corpus(
    sources: Sequence[str | SourceFile],
    text: TextSettings,
    validation: str | SourceFile | None,
    seed: int,
    on_read: Callable[[int, int], None] | None = None,
    base: Base | None = None,
) -> Corpus:
    """Return training and validation set; symbols and labels of ``base`` come first.

    ``on_read`` is called with the bytes read since its last call, and the bytes of all sources.
    All files are found before one is read. Raises SourceError, CorpusError, and
    MissingPackageError for a parquet file without polars.
    """
    groups = [resolve_sources([source], text) for source in sources] or [resolve_sources([], text)]
    files = [file for group in groups for file in group]
    validation_files = None if validation is None else resolve_sources([validation], text)
    total = total_bytes(files)
    progress = None if on_read is None else lambda read: on_read(read, total)
    store = open_store(files, text, progress)
    validation_store = None if validation_files is None else open_store(validation_files, text)
    return build_corpus(
        store,
        text,
        seed=seed,
        validation=validation_store,
        known_symbols=() if base is None else tuple(base.vocabulary.ids),
        known_labels=() if base is None else base.labels,
        files_by_source=tuple(map(len, groups)),
    )


def with_auto_settings(spec: RunSpec, corpus: Corpus, processes: int) -> RunSpec:
    """Return ``spec`` with all settings chosen that are not explicit.

    The choice depends on corpus, budget and machine. For a budget in minutes, the speed of the
    machine is measured, which takes less than a second.
    """
    if spec.explicit is None:
        return spec
    from charloom.training.device import candidate_precisions
    from charloom.training.throughput import Benchmark, benchmark_seconds

    training_set, vocabulary = corpus.training, len(corpus.vocabulary)
    device, precisions = candidate_precisions(spec.training)
    profile = CorpusProfile(
        symbols=training_set.total_symbols,
        documents=len(training_set),
        vocabulary=vocabulary,
        unit=spec.text.unit,
        device="cuda" if device == "cuda" else "cpu",
        precisions=precisions,
        is_trained=spec.base is not None,
    )

    measurements = MAX_MEASURED_SIZES * len(precisions)

    def throughput(network: NetworkSettings, training: TrainingSettings) -> float:
        shard_size = max(training.batch_size // processes, 1)
        shard = dataclasses.replace(training, batch_size=shard_size)
        benchmark = Benchmark(
            vocabulary_size=vocabulary,
            time_steps=profile.sequence_symbols(training.window),
            max_seconds=benchmark_seconds(training) / measurements,
        )
        return processes * benchmark.symbols_per_second(network, shard)

    network, training = auto_settings(
        spec.network, spec.training, spec.explicit, profile, throughput
    )
    return dataclasses.replace(spec, network=network, training=training)


def build_components(
    request: TrainRequest, spec: RunSpec, corpus: Corpus, group: ProcessGroup
) -> RunComponents:
    """Connect the processes and build the network.

    All settings of ``spec`` must be chosen. Raises SettingsError if the processes differ or the
    network does not fit into memory.
    """
    from charloom.network.parameters import parameter_counts
    from charloom.training.device import choose_device
    from charloom.training.threads import thread_count

    settings = spec.training
    device = choose_device(settings, group.process)
    group.check_agreement(agreement_keys(corpus) | device.agreement_keys())
    group.connect(device.device)
    weights = _initial_parameters(spec, corpus)
    group.broadcast(weights.flat_P)
    plan = Plan(
        text=spec.text,
        network=spec.network,
        training=settings,
        corpus=corpus,
        layers=tuple(parameter_counts(weights.shapes)),
        device=device.device,
        precision=device.precision,
        output=request.output if group.is_main else None,
        sources=request.sources,
        threads=thread_count(group.process),
        processes=group.process.world_size,
    )
    return RunComponents(
        group=group,
        corpus=corpus,
        backend=_build_backend(spec, weights, device, group),
        plan=plan,
        record=_initial_record(plan, spec),
    )


def build_trainer(
    components: RunComponents,
    listeners: Sequence[EmittingListener],
    step_hook: StepHook | None,
    *,
    is_trained: bool = False,
    accepted_share: Callable[[], float] | None = None,
) -> Trainer:
    """Return a trainer that is ready to run, at step 0.

    ``is_trained`` is true where the network has the weights of a base.
    """
    from charloom.training.trainer import Trainer
    from charloom.training.validation_batches import ValidationBatches

    corpus, record = components.corpus, components.record
    return Trainer(
        backend=components.backend,
        training_batches=_training_batches(record, corpus),
        validation_batches=ValidationBatches(dataset=corpus.validation),
        settings=record.training,
        listeners=listeners,
        step_hook=step_hook,
        process_group=components.group,
        is_trained=is_trained,
        accepted_share=accepted_share,
    )


def _initial_parameters(spec: RunSpec, corpus: Corpus) -> Parameters:
    from charloom.training.build_backend import initial_parameters

    network, seed = spec.network, spec.training.seed
    try:
        weights = initial_parameters(network, len(corpus.vocabulary), len(corpus.labels), seed)
    except MemoryError as error:
        raise _too_large(network) from error
    if spec.base is not None and spec.base.tensors is not None:
        weights.load(widen_tensors(spec.base, weights.arrays, corpus.vocabulary, corpus.labels))
    return weights


def _build_backend(
    spec: RunSpec, weights: Parameters, device: DeviceConfig, group: ProcessGroup
) -> Backend:
    from charloom.training.build_backend import build_backend

    try:
        return build_backend(
            spec.network,
            weights,
            spec.training,
            device,
            group.process,
            frozen=_frozen_rows(spec, weights),
        )
    except (MemoryError, RuntimeError) as error:  # torch raises RuntimeError
        raise _too_large(spec.network) from error


def _frozen_rows(spec: RunSpec, weights: Parameters) -> FrozenRows:
    from charloom.network.freezing import frozen_rows

    if spec.base is None:
        return {}
    return frozen_rows(weights.shapes, spec.training.freeze, spec.base.frozen_symbols)


def _too_large(network: NetworkSettings) -> SettingsError:
    return SettingsError(
        f"a network of {format_count(network.layers, 'layer')} of {network.hidden:,} units "
        "does not fit into memory; use a smaller --hidden or fewer --layers."
    )


def _initial_record(plan: Plan, spec: RunSpec) -> ModelRecord:
    corpus = plan.corpus
    indexed = plan.training.index and corpus.hashes
    return ModelRecord(
        text=plan.text,
        network=plan.network,
        training=plan.training,
        vocabulary=corpus.vocabulary,
        labels=corpus.labels,
        tensors={},
        provenance=provenance(plan, spec.validation) | _origin_of_weights(spec),
        document_index=DocumentIndex.from_hashes(
            corpus.document_hashes, sum(map(len, corpus.hashes))
        )
        if indexed
        else None,
    )


def _origin_of_weights(spec: RunSpec) -> dict[str, Any]:
    """Return the entries of a record for the base of a run."""
    if spec.base is None:
        return {}
    frozen = spec.training.freeze != "none"
    return {
        "lineage": dict(spec.base.lineage),
        **({"frozen_symbols": spec.base.frozen_symbols} if frozen else {}),
    }


def _training_batches(record: ModelRecord, corpus: Corpus) -> Batches:
    from charloom.training.batches import DocumentBatches, StreamBatches

    settings, dataset = record.training, corpus.training
    size, window, seed = settings.batch_size, settings.window, settings.seed
    if record.text.unit == "stream":
        return StreamBatches(dataset=dataset, batch_size=size, window=window, seed=seed)
    return DocumentBatches(
        dataset=dataset,
        batch_size=size,
        window=window,
        seed=seed,
        label_dropout=LABEL_DROPOUT,
        weighted=_weighted_documents(settings, corpus),
    )


def _weighted_documents(settings: TrainingSettings, corpus: Corpus) -> WeightedDocuments | None:
    from charloom.training.weighted_documents import WeightedDocuments

    weights = settings.source_weights
    if not weights:
        return None
    return WeightedDocuments(corpus.source_documents, weights, settings.seed)
