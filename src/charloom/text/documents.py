"""Many documents at once, as code points: what readers give and the store takes."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.text.symbols import code_units

BLOCK_CHARACTERS = 1 << 18
"""Characters of a block, more or less: its arrays stay in the processor's cache."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a network learns as one sequence, between two boundary symbols."""

    text: str
    label: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Some documents, one after another."""

    codes: NDArray[np.uint32]
    """Code points of all documents, without anything between them: (characters,). No surrogates."""
    lengths: NDArray[np.int64]
    """Characters of each document: (documents,)."""
    labels: Sequence[str | None] | None = None
    """The label of each document; None: no document has one."""
    unfinished: bool = False
    """Whether the last document goes on with the first of the next block."""

    @property
    def text(self) -> str:
        """The text of all documents."""
        return text_of(self.codes)

    def texts(self) -> list[str]:
        """Return the text of each document."""
        text, stops = self.text, np.cumsum(self.lengths)
        bounds = zip((stops - self.lengths).tolist(), stops.tolist(), strict=True)
        return [text[start:stop] for start, stop in bounds]


def text_of(codes: NDArray[np.uint32]) -> str:
    """Return the text of code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


def to_blocks(documents: Iterable[Document]) -> Iterator[Block]:
    """Yield the documents in blocks; lone surrogates become U+FFFD."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= BLOCK_CHARACTERS:
            yield _block(batch)
            batch, size = [], 0
    if batch:
        yield _block(batch)


def _block(documents: Sequence[Document]) -> Block:
    # Each by itself: two texts could make a pair of surrogates where they meet.
    units = [code_units(document.text, "char") for document in documents]
    labels = [document.label for document in documents]
    return Block(
        codes=np.concatenate(units),
        lengths=np.fromiter(map(len, units), dtype=np.int64),
        labels=labels if any(label is not None for label in labels) else None,
    )


def to_documents(blocks: Iterable[Block]) -> Iterator[Document]:
    """Yield the documents of blocks, each whole."""
    begun: list[str] = []
    for block in blocks:
        texts = block.texts()
        labels = block.labels or [None] * len(texts)
        if begun:
            texts[0] = "".join([*begun, texts[0]])
            begun = []
        if block.unfinished:
            begun = [texts.pop()]
        for text, label in zip(texts, labels, strict=False):
            yield Document(text=text, label=label)


def keep_labels(
    blocks: Iterable[Block], labels: Collection[str], unknown: dict[str, None] | None = None
) -> Iterator[Block]:
    """Yield the blocks, documents with a label that is not among ``labels`` without it.

    Such labels are added to ``strange``.
    """
    for block in blocks:
        own = block.labels or ()
        others = dict.fromkeys(x for x in own if x is not None and x not in labels)
        if unknown is not None:
            unknown |= others
        left = [None if x in others else x for x in own]
        yield dataclasses.replace(block, labels=left) if others else block
