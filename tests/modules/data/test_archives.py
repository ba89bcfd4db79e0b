"""Archives: their texts are read in order, headers and hidden files are not."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from charloom.data.archives import unpack
from charloom.data.readers import read_documents
from charloom.data.sources import resolve_sources
from charloom.data.zstd import zstd
from charloom.errors import SourceError
from charloom.settings import TextSettings

MEMBERS = {
    "b/two.csv": b"id,text\n1,c\n",
    "a/one.txt": b"a\nb\n",
    "a/.hidden.txt": b"no",
    "__MACOSX/a.txt": b"no",
    "logo.png": b"\x89PNG\r\n",
}


def packed(path: Path, members: dict[str, bytes]) -> Path:
    """Write an archive of the kind that its suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    stream = io.BytesIO()
    kind = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2", ".tgz": "w:gz"}.get(path.suffix, "w:")
    with tarfile.open(fileobj=stream, mode=kind) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    content = stream.getvalue()
    path.write_bytes(zstd.compress(content) if path.suffix == ".zst" else content)
    return path


def texts(path: Path) -> list[str]:
    settings = TextSettings()
    files = resolve_sources([str(path)], settings)
    return [document.text for document in read_documents(files, settings)]


def message(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        texts(path)
    return str(caught.value)


NAMES = ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.xz", "x.tar.bz2", "x.tar.zst"]


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_an_archive_are_read_in_order(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, MEMBERS)
    assert texts(path) == ["a", "b", "c"]
    files = resolve_sources([str(path)], TextSettings())
    assert [file.name for file in files] == [f"{path}/a/one.txt", f"{path}/b/two.csv"]


def test_a_zip_file_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", MEMBERS)
    assert texts(path.rename(tmp_path / "download")) == ["a", "b", "c"]


def test_without_known_suffixes_all_texts_are_read(tmp_path: Path) -> None:
    members = {"README": b"r\n", "names.dat": b"n\n", "x.bin": b"\0\1\2"}
    assert texts(packed(tmp_path / "x.zip", members)) == ["r", "n"]


def test_members_may_be_compressed(tmp_path: Path) -> None:
    members = {"a.txt.zst": zstd.compress(b"a\n"), "b.txt": b"b\n"}
    assert texts(packed(tmp_path / "x.tar.gz", members)) == ["a", "b"]


def test_equal_names_of_folders_are_kept_apart(tmp_path: Path) -> None:
    members = {"a/x.txt": b"1\n", "b/x.txt": b"2\n", "../../x.txt": b"3\n"}
    assert sorted(texts(packed(tmp_path / "x.zip", members))) == ["1", "2", "3"]
    assert not (tmp_path.parent / "x.txt").exists()


def test_an_archive_without_texts_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"x.bin": b"\0"})
    assert message(path) == (
        f"{path} holds no text; allowed in archives: .txt, .text, .md, .csv, .tsv, .json, .jsonl, "
        ".ndjson, .parquet, and other files of plain text; unpack it and name the files themselves."
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_damaged_archive_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    content = b"".join(b"line %d\n" % number for number in range(20_000))
    path = packed(tmp_path / name, {"x.txt": content})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    seen = message(path)
    assert seen.startswith(f"{path} is damaged: ")
    assert seen.endswith("; a whole archive is needed; copy or pack it again.")


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"x.txt": b"secret"})
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1  # the flag of encryption
    path.write_bytes(content)
    assert message(path) == (
        f"{path} is locked by a password; an archive without one is needed; unpack it first."
    )


def test_a_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "x.zip", {"x.txt": b"a" * 1000})
    monkeypatch.setattr("charloom.data.archives.RESERVED_BYTES", 1 << 62)
    with pytest.raises(SourceError, match="does not fit into .*; free some space, or set TMPDIR"):
        unpack(path, lambda _: True)


def test_an_unknown_method_of_packing_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"x.txt": b"text"})
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(magic) + offset] = 97  # WavPack
    path.write_bytes(content)
    seen = message(path)
    assert seen.startswith(f"{path} is packed by a method that is not read: ")
    assert seen.endswith("; unpack it first.")
