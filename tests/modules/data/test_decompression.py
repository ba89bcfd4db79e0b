"""Compressed files: concatenated members, damage, missing files, bounded memory."""

import tracemalloc
from pathlib import Path

import pytest
from stored_files import PACKED, Pack, message, read, stored

from charloom.data.decompression import read_bytes
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Compression, SourceFile
from charloom.data.text_files import read_text
from charloom.settings import TextSettings


@pytest.mark.parametrize(("compression", "pack"), PACKED)
def test_text_is_read_and_every_stored_byte_is_reported(
    tmp_path: Path, compression: Compression | None, pack: Pack
) -> None:
    text = "\U0001f600 line \u0e01\n" * 200_000  # several blocks, whose ends cut characters
    file = stored(tmp_path / "x", pack(text.encode()), compression)
    read_bytes: list[int] = []
    assert "".join(read_text(file, TextSettings(), ReadingNotes(), read_bytes.append)) == text
    assert sum(read_bytes) == file.path.stat().st_size


@pytest.mark.parametrize(("compression", "pack"), PACKED[1:])
def test_concatenated_members_with_zero_bytes_are_read(
    tmp_path: Path, compression: Compression, pack: Pack
) -> None:
    content = pack(b"one ") + pack(b"") + pack(b"two") + b"\0" * 40_000
    assert "".join(read(stored(tmp_path / "x", content, compression))) == "one two"


@pytest.mark.parametrize(("compression", "pack"), PACKED[1:])
def test_damaged_files_are_reported(tmp_path: Path, compression: Compression, pack: Pack) -> None:
    whole = pack(bytes(range(128)) * 50)
    cut = message(stored(tmp_path / "x", whole[:-3], compression))
    assert cut == (
        f"X is damaged: it ends too early; a whole {compression} file is needed; "
        "copy or compress it again."
    )
    no_such_file = message(stored(tmp_path / "x", b"plain text", compression))
    assert no_such_file.startswith("X is damaged: ")
    assert "\n" not in no_such_file


def test_the_reason_of_the_system_is_reported(tmp_path: Path) -> None:
    refused = (
        "; a file or folder that this user may read is needed; check its name and its permissions."
    )
    absent = SourceFile(path=tmp_path / "absent", name="X")
    assert message(absent) == f"X cannot be read: No such file or directory{refused}"


@pytest.mark.parametrize(("compression", "pack"), PACKED[1:])
def test_a_file_that_expands_a_thousandfold_is_read_in_parts(
    tmp_path: Path, compression: Compression, pack: Pack
) -> None:
    size = 100_000_000
    file = stored(tmp_path / "x", pack(bytes(size)), compression)
    tracemalloc.start()
    assert sum(len(block) for block in read_bytes(file)) == size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 2
