"""The texts that a model learned from and was measured on, found again and split alike."""

from collections.abc import Iterator, Sequence

import numpy as np

from charloom.errors import CharloomError, CorpusError
from charloom.model_folder import ModelRecord
from charloom.text.blocks import Document
from charloom.text.corpus import Corpus, build
from charloom.text.part import Part
from charloom.text.sources import resolve
from charloom.text.store import open_store


def corpus_of(record: ModelRecord, sources: Sequence[str] = ()) -> Corpus:
    """Return the corpus of a model: from its recorded sources, or from ``sources``.

    Recorded ones must still hold the same texts. Given ones are split as the recorded ones were,
    which makes the same parts of the same texts. Raises CorpusError, and what reading raises.
    """
    names = list(sources) or record.provenance.get("sources", [])
    held_out = None if sources else record.provenance.get("validation")
    if not names:
        raise CorpusError(
            "this model does not tell which texts it learned from; name them with --training."
        )
    try:
        corpus = _read(record, names, held_out)
    except CharloomError as error:
        if sources:
            raise
        raise CorpusError(
            "the texts that this model learned from are not where they were; name them with "
            f"--training: {error}"
        ) from error
    if not sources and corpus.fingerprint != record.provenance.get("corpus_fingerprint"):
        raise CorpusError(
            f"{', '.join(names)} no longer {'hold' if len(names) > 1 else 'holds'} the texts that "
            "this model learned from; name those, or texts to use in their place, with --training."
        )
    return corpus


def _read(record: ModelRecord, names: Sequence[str], held_out: str | None) -> Corpus:
    text = record.text
    store = open_store(resolve(names, text), text)
    own = None if held_out is None else open_store(resolve([held_out], text), text)
    return build(store, text, seed=record.training.seed, validation=own)


def documents(part: Part, labels: Sequence[str]) -> Iterator[Document]:
    """Yield the documents of a part, cleaned, with those of their labels that are in ``labels``.

    ``labels`` are the model's: they are those of the corpus, unless it took another one's place.
    """
    numbers = part.labels(np.arange(len(part)))
    for text, number in zip(texts(part), numbers.tolist(), strict=True):
        yield Document(text=text, label=labels[number] if 0 <= number < len(labels) else None)


def texts(part: Part) -> Iterator[str]:
    """Yield the documents of a part, cleaned, each as it was read."""
    return map(part.text, range(len(part)))
