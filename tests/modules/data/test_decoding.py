"""Encodings: exact places of invalid bytes, what the bytes suggest, marks instead of errors."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_files import PACKED, Pack, message, read, stored

from charloom.data.decoding import INVALID, Decoding
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Compression, SourceFile
from charloom.settings import TextSettings


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


def test_utf16_without_a_mark_is_known_by_its_zeros(tmp_path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert message(stored(tmp_path / "x", "plain text".encode(encoding))) == (
            "X is not UTF-8: every other byte is zero; name its encoding with --encoding; its "
            f"bytes suggest --encoding {encoding}."
        )


@given(st.binary(max_size=60), st.sampled_from(["utf-8", "cp1252", "utf-16-le", "gb18030"]))
def test_with_marks_any_bytes_are_decoded(content: bytes, encoding: str) -> None:
    settings = TextSettings(encoding=encoding, errors="replace")
    notes = ReadingNotes()
    blocks = [content[k : k + 7] for k in range(0, len(content), 7)]
    decoding = Decoding(SourceFile(path=Path("x"), name="X"), settings, notes)
    try:
        text = "".join(decoding.decode(blocks))
    except Exception as error:
        assert "every other byte is zero" in str(error)  # noqa: PT017
        return
    assert text.count(INVALID) == notes.invalid
    expected = content.decode(encoding, "replace").removeprefix("\ufeff")
    if encoding != "gb18030":  # its own handler may continue elsewhere
        assert text.replace(INVALID, "\ufffd") == expected
