"""A vector for each text, and the texts whose vectors are most similar.

Axes: N texts, H hidden units, B texts of a batch.
"""

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from charloom.evaluation.model_parts import ModelParts
from charloom.generation.decode_loop import Decoder
from charloom.generation.generator import Generator
from charloom.network.engine import Ids
from charloom.network.exact import Floats
from charloom.records import Record
from charloom.text.vocabulary import EOS


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarText(Record):
    """A text and the cosine similarity of its vector with that of another text."""

    text: str
    index: int
    """Its place among the texts, from 0."""
    similarity: float
    """From -1 to 1; 0 if one of the vectors is zero."""


def text_vectors(model: ModelParts, texts: Sequence[str]) -> Floats:
    """Return the last hidden state of the highest layer for each cleaned text, (N, H).

    It is the state after the last symbol, without a label. It does not depend on the other texts.
    """
    generator = model.generator
    vectors_NH = np.empty((len(texts), model.record.network.hidden), np.float32)
    ids = [np.concatenate([[EOS], generator.vocabulary.encode(text)]) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: -len(ids[index]))
    decoder = generator.choose_decoder(sum(map(len, ids)))
    batches = [order[k : k + decoder.batch] for k in range(0, len(order), decoder.batch)]

    def run(batch: list[int]) -> None:
        vectors_NH[batch] = _batch_vectors(generator, decoder, [ids[index] for index in batch])

    if decoder.releases_gil and len(batches) > 1:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            list(pool.map(run, batches))
    else:
        for batch in batches:
            run(batch)
    return vectors_NH


def _batch_vectors(generator: Generator, decoder: Decoder, ids: Sequence[Ids]) -> Floats:
    """Return the vectors of some texts, longest first, (B, H)."""
    lengths_B = np.array([len(each) for each in ids])
    state = generator.start_state(None).select(np.zeros(len(ids), np.int64))
    vectors_BH = np.empty((len(ids), state.hidden.shape[2]), np.float32)
    for position in range(lengths_B[0]):
        active = int(np.count_nonzero(lengths_B > position))
        ids_B = np.array([each[position] for each in ids[:active]])
        _, state = decoder.step(ids_B, state.select(slice(0, active)))
        vectors_BH[:active] = state.hidden[-1]
    return vectors_BH


def most_similar(
    vector_H: Floats, vectors_NH: Floats, texts: Sequence[str], n: int
) -> tuple[SimilarText, ...]:
    """Return the ``n`` texts with the highest cosine similarity, best first.

    Returns all if there are fewer. Ties go to the lower index.
    """
    similarities_N = cosine_similarities(vector_H, vectors_NH)
    best = np.argsort(-similarities_N, kind="stable")[:n]
    return tuple(
        SimilarText(text=texts[index], index=index, similarity=float(similarities_N[index]))
        for index in best.tolist()
    )


def cosine_similarities(vector_H: Floats, vectors_NH: Floats) -> NDArray[np.float64]:
    """Return the cosine similarity of a vector with each of others, (N,).

    It is 0 if one of the two is zero. Equal vectors have equal similarities, wherever they are:
    rows are summed one by one.
    """
    one_H, others_NH = vector_H.astype(np.float64), vectors_NH.astype(np.float64)
    products_N = (others_NH * one_H).sum(axis=1)
    norms_N = np.sqrt((others_NH**2).sum(axis=1) * (one_H**2).sum())
    similarities_N = np.zeros(len(products_N))
    np.divide(products_N, norms_N, out=similarities_N, where=norms_N > 0)
    return np.clip(similarities_N, -1, 1)
