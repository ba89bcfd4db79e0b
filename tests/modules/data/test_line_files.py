"""Lines of a file, and each fault in one message."""

import bz2
import gzip
import io
import lzma
import sys
from pathlib import Path

import pytest

from charloom.data.line_files import read_lines
from charloom.errors import SourceError

CONTENT = "\ufeffone\r\n\r\n \t\n two \nth\u00e9\u2028ree\rfour".encode()
LINES = ["one", " two ", "th\u00e9\u2028ree", "four"]


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def refusal(name: str) -> str:
    with pytest.raises(SourceError) as caught:
        list(read_lines(name, "--forbid-file"))
    return str(caught.value)


@pytest.mark.parametrize("name", ["list", "list.txt", "list.csv", "list.jsonl"])
def test_lines_are_read_without_ends_and_without_blank_ones(tmp_path: Path, name: str) -> None:
    """Whatever the suffix: a table is read as lines."""
    assert list(read_lines(write(tmp_path / name, CONTENT), "x")) == LINES


def test_compressed_files_are_read(tmp_path: Path) -> None:
    packed = {
        ".gz": gzip.compress(CONTENT),
        ".bz2": bz2.compress(CONTENT),
        ".xz": lzma.compress(CONTENT),
    }
    for suffix, content in packed.items():
        path = write(tmp_path / f"list{suffix}", content)
        assert list(read_lines(path, "x")) == LINES


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTENT)))
    assert list(read_lines("-", "x")) == LINES


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\n", b" \r\n\t"):
        path = write(tmp_path / "list.txt", content)
        assert refusal(path) == (
            f"--forbid-file is {path!r}, which has no line that is not blank; give a file of text "
            "with one string a line."
        )


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "list.txt", tmp_path):
        assert refusal(str(path)) == (
            f"--forbid-file is {str(path)!r}, which is no file; give a file of text with one "
            "string a line."
        )
    # The name of a corpus is no file either.
    assert refusal("names").startswith("--forbid-file is 'names', which is no file;")


def test_bytes_that_are_not_utf_8_are_refused_with_their_line(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", b"one\n\ntw\xe9\nthree\n")
    assert refusal(path) == f"{path} is not UTF-8 in line 3; save it as UTF-8."


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(str(tmp_path / ("x" * 300)))
