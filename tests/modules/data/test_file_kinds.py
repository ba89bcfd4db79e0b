"""Files without plain text are recognized by their bytes, whatever their suffix."""

import zipfile
from pathlib import Path

import pytest

from charloom.data.file_kinds import check_kind
from charloom.errors import SourceError


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        check_kind(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("head", "kind", "remedy"),
    [
        (b"%PDF-1.7\n", "a PDF", "save its text as .txt, for example by pdftotext"),
        (b"{\\rtf1\\ansi", "a document in RTF", "save it as plain text (.txt)"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an old document of Microsoft Office",
            "save it as .txt or .csv",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "a picture (PNG)",
            "give the text that it shows, or a description of it",
        ),
        (b"SQLite format 3\0", "an SQLite database", "export a table as .csv"),
    ],
)
def test_a_file_is_refused_with_its_kind_and_a_remedy(
    tmp_path: Path, head: bytes, kind: str, remedy: str
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(head + b" and more")
    assert refused(path) == f"{path} is {kind}; a text or a table is needed; {remedy}."


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ("word/document.xml", "a Word document"),
        ("xl/workbook.xml", "an Excel workbook"),
        ("content.xml", "an OpenDocument file"),
    ],
)
def test_archives_of_programs_are_named(tmp_path: Path, member: str, kind: str) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "text")
    assert f" is {kind}; " in refused(path)
    path.write_bytes(path.read_bytes()[:40])  # cut off: no archive of any kind
    check_kind(path)


def test_other_archives_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    check_kind(path)


@pytest.mark.parametrize("content", [b"a", b"%PDG", b"Plain text\n", b"\xff\xfea\0", b"PK\n"])
def test_texts_are_accepted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(content)
    check_kind(path)
