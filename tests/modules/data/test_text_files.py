"""Blocks of text: compression, encodings, line ends, exact offsets of invalid bytes."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Compression, SourceFile
from charloom.data.text_files import line_chunks, read_text, whole_lines
from charloom.data.zstd import zstd
from charloom.errors import SourceError
from charloom.settings import TextSettings

Pack = Callable[[bytes], bytes]
PACKED: list[tuple[Compression | None, Pack]] = [
    (None, bytes),
    ("gzip", gzip.compress),
    ("zstd", zstd.compress),
    ("xz", lzma.compress),
    ("bzip2", bz2.compress),
]


def stored(path: Path, content: bytes, compression: Compression | None = None) -> SourceFile:
    path.write_bytes(content)
    return SourceFile(path=path, name="X", compression=compression)


def read(file: SourceFile, encoding: str = "utf-8") -> Iterator[str]:
    return read_text(file, TextSettings(encoding=encoding), ReadingNotes())


def message(file: SourceFile, encoding: str = "utf-8") -> str:
    with pytest.raises(SourceError) as caught:
        list(read(file, encoding))
    return str(caught.value)


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


@pytest.mark.parametrize(("compression", "pack"), PACKED)
@pytest.mark.parametrize("offset", [0, 7, (1 << 20) - 1, 1 << 20, (5 << 20) + 3])
def test_the_offset_of_an_invalid_byte_is_exact(
    tmp_path: Path, compression: Compression | None, pack: Pack, offset: int
) -> None:
    content = b"a" * offset + b"\xe9 caf\xc3\xa9" + b"b" * (1 << 20)
    unpacked = " (unpacked)" if compression else ""
    assert message(stored(tmp_path / "x", pack(content), compression)) == (
        f"X is not UTF-8: byte 0xE9 at offset {offset}{unpacked}, in line 1; name its encoding "
        "with --encoding; its bytes suggest --encoding latin-1."
    )


def test_an_incomplete_character_counts_from_its_first_byte(tmp_path: Path) -> None:
    begin = (1 << 20) - 2
    content = b"a" * begin + b"\xf0\x9f\x98x"  # invalid only with the second block
    assert f"byte 0xF0 at offset {begin}, in line 1;" in message(stored(tmp_path / "x", content))
    assert "byte 0xC3 at offset 3, in line 1;" in message(stored(tmp_path / "x", b"abc\xc3"))


@given(
    st.lists(st.sampled_from(["a", "b\n", "c\r\n", "d\r", "\u0e01\n"]), max_size=40),
    st.sampled_from(["utf-8", "utf-16-le"]),
)
def test_the_line_of_an_invalid_byte_is_that_of_an_editor(parts: list[str], encoding: str) -> None:
    text = "".join(parts)
    bad = b"\xff" if encoding == "utf-8" else b"\x00\xdc"  # the second half of a pair
    content = text.encode(encoding) + bad + "z\n".encode(encoding)
    live = SourceFile(path=Path("-"), name="X", live=SmallBlocks(content))
    line = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert f", in line {line};" in message(live, encoding)


class SmallBlocks(io.BytesIO):
    """A stream of blocks of seven bytes, which cut characters and line ends."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(size or 7, 7))


def test_a_picture_is_reported_as_no_text(tmp_path: Path) -> None:
    picture = stored(tmp_path / "x", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert message(picture) == (
        "X does not look like text: it holds NUL bytes and is not UTF-8; a text or a table is "
        "needed; give another source."
    )
    assert message(stored(tmp_path / "y", "ab".encode("utf-16"))).endswith("--encoding utf-16.")


def test_a_byte_order_mark_shifts_no_offset(tmp_path: Path) -> None:
    file = stored(tmp_path / "x", b"\xef\xbb\xbfab\xff")
    assert "byte 0xFF at offset 5, in line 1;" in message(file)
    assert "byte 0xFF at offset 5, in line 1;" in message(file, "utf-8-sig")


def test_other_encodings_are_decoded(tmp_path: Path) -> None:
    text = "na\u00efve \u00e9t\u00e9"
    for encoding in ("latin-1", "cp1252", "utf-16", "utf-16-be", "gb18030", "utf-8-sig"):
        file = stored(tmp_path / "x", text.encode(encoding))
        assert "".join(read(file, encoding)) == text
    for encoding in ("utf-16", "utf-16-be"):
        written = message(stored(tmp_path / "x", text.encode(encoding)))
        assert written.endswith(f"its bytes suggest --encoding {encoding}.")
    assert message(stored(tmp_path / "x", b"ab"), "utf-16").startswith("X is not UTF-16: ")


@pytest.mark.parametrize("name", ["utf-9", "hex", "rot13", "undefined", "a\0b", ""])
def test_an_unknown_encoding_is_reported(tmp_path: Path, name: str) -> None:
    assert message(stored(tmp_path / "x", b"a"), name) == (
        f"encoding {name!r} is not known; allowed: utf-8, latin-1, cp1252, utf-16, gb18030 and the "
        "others that Python knows; give one of them with --encoding."
    )


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


@given(st.lists(st.text("ab\r\n\u2028\x85", max_size=8)))
def test_blocks_become_whole_lines(blocks: list[str]) -> None:
    text = "".join(blocks).replace("\r\n", "\n").replace("\r", "\n")
    expected = text.removesuffix("\n").split("\n") if text else []
    found = [line for block in whole_lines(blocks) for line in block.split("\n")]
    assert [line for line in found if line] == [line for line in expected if line]
    assert "".join(line + "\n" for line in found) == (text and text.removesuffix("\n") + "\n")


@given(blocks=st.lists(st.text("ab\r\n", max_size=8)), translate=st.booleans())
def test_line_chunks_contain_the_text_and_end_after_lines(
    blocks: list[str], translate: bool
) -> None:
    text = "".join(blocks)
    if translate:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    chunks = list(line_chunks(blocks, translate=translate))
    assert "".join(chunks) == text
    assert all(chunk.endswith("\n") for chunk in chunks[:-1])


def test_no_chunk_ends_within_a_tag() -> None:
    blocks = ["one\n<a\nhref='x'", ">\ntwo <b\n", "c>\nthree\n"]
    chunks = list(line_chunks(blocks, translate=True))
    assert chunks == ["one\n", "<a\nhref='x'>\n", "two <b\nc>\nthree\n"]
    long = "<" + "a" * 5000 + "\n"
    assert list(line_chunks([long, "b"], translate=True)) == [long, "b"]
