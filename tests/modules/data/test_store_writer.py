"""The files of a store contain what NumPy computes from the documents at once."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from charloom.data.store_writer import StoreWriter, ids_dtype
from charloom.text.documents import Block, Document, to_blocks
from charloom.text.symbols import code_units


@pytest.mark.parametrize(
    ("symbols", "dtype"),
    [(0, "<u1"), (256, "<u1"), (257, "<u2"), (65_536, "<u2"), (65_537, "<u4")],
)
def test_ids_have_the_smallest_type_that_holds_them(symbols: int, dtype: str) -> None:
    assert ids_dtype(symbols) == dtype
    assert symbols <= np.iinfo(dtype).max + 1


def write(folder: Path, blocks: list[Block]) -> StoreWriter:
    with StoreWriter(folder, "char") as writer:
        for block in blocks:
            writer.write_block(block)
    return writer


def numbers(path: Path, dtype: str) -> list[int]:
    values: list[int] = np.fromfile(path, dtype=dtype).tolist()
    return values


def test_offsets_labels_and_counts_of_several_blocks(tmp_path: Path) -> None:
    documents = [
        Document(text="abba", label="x"),
        Document(text="b", label=None),
        Document(text="cab", label="y"),
        Document(text="ad", label="x"),
    ]
    blocks = [*to_blocks(documents[:2]), *to_blocks(documents[2:])]
    writer = write(tmp_path, blocks)
    assert numbers(tmp_path / "ids.bin", "u1") == [0, 1, 1, 0, 1, 2, 0, 1, 0, 3]
    assert numbers(tmp_path / "offsets.bin", "<i8") == [0, 4, 5, 8, 10]
    assert numbers(tmp_path / "label_ids.bin", "<i4") == [0, -1, 1, 0]
    assert (writer.documents, writer.max_length) == (4, 4)
    counts = Counter("".join(document.text for document in documents))
    assert dict(zip(writer.encoder.symbols, writer.counts.tolist(), strict=True)) == counts
    assert dict(zip(list(writer.labels)[1:], writer.label_counts.tolist(), strict=True)) == {
        "x": 2,
        "y": 1,
    }


def test_a_document_that_spans_blocks_is_one_document(tmp_path: Path) -> None:
    def block(text: str, *, unfinished: bool) -> Block:
        units = code_units(text, "char")
        return Block(codes=units, lengths=np.array([len(units)]), unfinished=unfinished)

    writer = write(tmp_path, [block("ab", unfinished=True), block("cde", unfinished=False)])
    assert numbers(tmp_path / "offsets.bin", "<i8") == [0, 5]
    assert len(numbers(tmp_path / "hashes.bin", "<u8")) == 1
    assert (writer.documents, writer.max_length) == (1, 5)


def test_ids_that_were_written_are_widened_when_a_larger_one_follows(tmp_path: Path) -> None:
    texts = ["ab", "".join(map(chr, range(0x100, 0x300))), "ba"]
    blocks = [block for text in texts for block in to_blocks([Document(text=text)])]
    write(tmp_path, blocks)
    assert numbers(tmp_path / "ids.bin", "<u2") == [0, 1, *range(2, 514), 1, 0]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("ids.bin", "offsets.bin", "hashes.bin", "label_ids.bin")
    }
