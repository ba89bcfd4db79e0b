"""Read the training and validation documents of a saved model again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from charloom.data.corpus import Corpus, build_corpus
from charloom.data.dataset import Dataset
from charloom.data.source_file import Sources, source_names
from charloom.data.sources import resolve_sources
from charloom.data.store import Store, open_store
from charloom.errors import CharloomError, CorpusError
from charloom.model_folder.format import ModelRecord
from charloom.text.documents import Document

STANDARD_INPUT = "-"
"""The name of a source that cannot be read again."""


def recover_corpus(
    record: ModelRecord, sources: Sources = (), validation: str | Path | None = None
) -> Corpus:
    """Build the corpus of a model from its recorded sources, or from ``sources``.

    The split has the settings and seed of the run, so the same texts are split in the same way.
    A recorded validation file is read again, or ``validation`` instead. Raises CorpusError if a
    recorded source is missing or has changed, and the errors of reading those given.
    """
    names = source_names(sources) or record.provenance.get("sources", [])
    held_out = str(validation) if validation else record.provenance.get("validation")
    if not names or STANDARD_INPUT in (*names, held_out):
        raise CorpusError(
            "this model does not record its training texts; name them with --training."
        )
    try:
        held_out_store = None if held_out is None else _open_store(record, [held_out])
    except CharloomError as error:
        if validation:
            raise
        raise CorpusError(
            "the validation texts of this model are no longer where they were; name them with "
            f"--valid: {error}"
        ) from error
    try:
        store = _open_store(record, names)
    except CharloomError as error:
        if sources:
            raise
        raise CorpusError(
            "the training texts of this model are no longer where they were; name them with "
            f"--training: {error}"
        ) from error
    corpus = build_corpus(
        store,
        record.text,
        seed=record.training.seed,
        validation=held_out_store,
        known_symbols=tuple(record.vocabulary.ids),
        known_labels=record.labels,
    )
    if (
        not sources
        and not validation
        and corpus.fingerprint != record.provenance.get("corpus_fingerprint")
    ):
        raise CorpusError(
            f"{', '.join(names)} no longer {'hold' if len(names) > 1 else 'holds'} the training "
            "texts of this model; name those, or other texts to use instead, with --training."
        )
    return corpus


def _open_store(record: ModelRecord, names: Sequence[str]) -> Store:
    return open_store(resolve_sources(names, record.text), record.text)


def iter_documents(corpus: Corpus, dataset: Dataset, labels: Sequence[str]) -> Iterator[Document]:
    """Yield the cleaned documents of a dataset of ``corpus`` with their labels.

    A label that is not in ``labels``, those of the model, becomes None. This happens only if other
    texts are used instead of the recorded ones.
    """
    label_ids = dataset.labels(np.arange(len(dataset))).tolist()
    known = [label if label in labels else None for label in corpus.labels]
    for text, label_id in zip(iter_texts(dataset), label_ids, strict=True):
        yield Document(text=text, label=known[label_id] if label_id >= 0 else None)


def iter_texts(dataset: Dataset) -> Iterator[str]:
    """Yield the cleaned documents, including symbols that are not in the vocabulary."""
    return map(dataset.text, range(len(dataset)))
