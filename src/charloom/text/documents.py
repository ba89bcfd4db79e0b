"""Documents, and blocks of many documents as arrays of code points."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charloom.text.symbols import code_units

BLOCK_CHARACTERS = 1 << 18
"""Approximate characters of a block, whose arrays then fit into the processor's cache."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One sequence of a network, between two boundary symbols."""

    text: str
    label: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Documents, concatenated."""

    codes: NDArray[np.uint32]
    """Code points of all documents without separators: (characters,). No surrogates."""
    lengths: NDArray[np.int64]
    """Characters of each document: (documents,)."""
    labels: Sequence[str | None] | None = None
    """The label of each document; None if no document has one."""
    unfinished: bool = False
    """Whether the last document continues in the first one of the next block."""

    @property
    def text(self) -> str:
        """The concatenated text of all documents."""
        return text_of(self.codes)

    def texts(self) -> list[str]:
        """Return the text of each document."""
        text, stops = self.text, np.cumsum(self.lengths)
        bounds = zip((stops - self.lengths).tolist(), stops.tolist(), strict=True)
        return [text[start:stop] for start, stop in bounds]


def text_of(codes: NDArray[np.uint32]) -> str:
    """Return code points as a string."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


def to_blocks(documents: Iterable[Document]) -> Iterator[Block]:
    """Yield documents in blocks of about ``BLOCK_CHARACTERS``.

    Lone surrogates become U+FFFD.
    """
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
    # One by one: the end of a text and the start of the next could form a surrogate pair.
    units = [code_units(document.text, "char") for document in documents]
    labels = [document.label for document in documents]
    return Block(
        codes=np.concatenate(units),
        lengths=np.fromiter(map(len, units), dtype=np.int64),
        labels=labels if any(label is not None for label in labels) else None,
    )


def to_documents(blocks: Iterable[Block]) -> Iterator[Document]:
    """Yield the documents of blocks, joining those that span several blocks."""
    pending: list[str] = []
    for block in blocks:
        texts = block.texts()
        labels = block.labels or [None] * len(texts)
        if pending:
            texts[0] = "".join([*pending, texts[0]])
            pending = []
        if block.unfinished:
            pending = [texts.pop()]
        for text, label in zip(texts, labels, strict=False):
            yield Document(text=text, label=label)


def keep_labels(
    blocks: Iterable[Block], labels: Collection[str], unknown: dict[str, None] | None = None
) -> Iterator[Block]:
    """Yield the blocks without labels that are not among ``labels``.

    The removed labels are added to ``unknown``, in the order of their appearance.
    """
    for block in blocks:
        present = block.labels or ()
        others = dict.fromkeys(x for x in present if x is not None and x not in labels)
        if unknown is not None:
            unknown |= others
        kept = [None if x in others else x for x in present]
        yield dataclasses.replace(block, labels=kept) if others else block
