"""The texts that a model learned from and was measured on, found again and split alike."""

from collections.abc import Iterator, Sequence

import numpy as np

from charloom.data.corpus import Corpus, build_corpus
from charloom.data.dataset import Dataset
from charloom.data.sources import resolve_sources
from charloom.data.store import Store, open_store
from charloom.errors import CharloomError, CorpusError
from charloom.model_folder.format import ModelRecord
from charloom.text.documents import Document

STANDARD_INPUT = "-"
"""A source that cannot be read again."""


def recover_corpus(record: ModelRecord, sources: Sequence[str] = ()) -> Corpus:
    """Return the corpus of a model: from its recorded sources, or from ``sources``.

    Recorded ones must still hold the same texts. Given ones take the place of what was learned
    from, and are split as that was: which makes the same parts of the same texts. A validation file
    is the recorded one in any case. Raises CorpusError, and what reading raises.
    """
    names = list(sources) or record.provenance.get("sources", [])
    held_out = record.provenance.get("validation")
    if not names or STANDARD_INPUT in (*names, held_out):
        raise CorpusError(
            "this model does not tell which texts it learned from; name them with --training."
        )
    try:
        own = None if held_out is None else _open_store(record, [held_out])
    except CharloomError as error:
        raise CorpusError(
            f"the texts that this model was measured on are not where they were: {error}"
        ) from error
    try:
        store = _open_store(record, names)
    except CharloomError as error:
        if sources:
            raise
        raise CorpusError(
            "the texts that this model learned from are not where they were; name them with "
            f"--training: {error}"
        ) from error
    corpus = build_corpus(store, record.text, seed=record.training.seed, validation=own)
    if not sources and corpus.fingerprint != record.provenance.get("corpus_fingerprint"):
        raise CorpusError(
            f"{', '.join(names)} no longer {'hold' if len(names) > 1 else 'holds'} the texts that "
            "this model learned from; name those, or texts to use in their place, with --training."
        )
    return corpus


def _open_store(record: ModelRecord, names: Sequence[str]) -> Store:
    return open_store(resolve_sources(names, record.text), record.text)


def iter_documents(corpus: Corpus, dataset: Dataset, labels: Sequence[str]) -> Iterator[Document]:
    """Yield the documents of a part of a corpus, cleaned, with those labels that are in ``labels``.

    ``labels`` are the model's. They are those of the corpus, unless it took another one's place.
    """
    numbers = dataset.labels(np.arange(len(dataset))).tolist()
    known = [label if label in labels else None for label in corpus.labels]
    for text, number in zip(iter_texts(dataset), numbers, strict=True):
        yield Document(text=text, label=known[number] if number >= 0 else None)


def iter_texts(dataset: Dataset) -> Iterator[str]:
    """Yield the documents of a part, cleaned, each as it was read."""
    return map(dataset.text, range(len(dataset)))
