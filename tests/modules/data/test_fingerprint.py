"""A large file is read once, and again whenever it may have changed."""

import os
import time
from pathlib import Path

import pytest

from charloom.data import fingerprint as fingerprint_module
from charloom.data.fingerprint import fingerprint
from charloom.data.text_files import SourceFile


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list that gets each file that is read; 10 bytes are large, all times are old."""
    found: list[Path] = []
    read = fingerprint_module._compute_digest

    def seen(path: Path) -> str:
        found.append(path)
        return read(path)

    monkeypatch.setenv("CHARLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fingerprint_module, "_compute_digest", seen)
    monkeypatch.setattr(fingerprint_module, "MIN_CACHED_BYTES", 10)
    monkeypatch.setattr(fingerprint_module, "_MIN_AGE_NS", 0)
    return found


def made(path: Path, text: str) -> SourceFile:
    path.write_text(text, encoding="utf-8")
    time.sleep(0.05)  # more than a tick of a file system's clock
    return SourceFile(path=path, name=path.name)


def test_a_large_file_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    file = made(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 1


def test_a_small_one_each_time(tmp_path: Path, reads: list[Path]) -> None:
    file = made(tmp_path / "small.txt", "small")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2


@pytest.mark.skipif(os.name == "nt", reason="the second time there is that of the making")
def test_a_change_is_seen_whatever_its_time_says(tmp_path: Path, reads: list[Path]) -> None:
    file = made(tmp_path / "large.txt", "large enough")
    before, first = file.path.stat(), fingerprint([file])
    made(file.path, "Large enough")
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fingerprint([file]) != first
    assert len(reads) == 2


def test_a_file_that_has_just_changed_is_not_remembered(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint_module, "_MIN_AGE_NS", 60_000_000_000)
    file = made(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2


@pytest.mark.parametrize("note", ["", "[]", '{"state": 1}', '{"digest": 5}'])
def test_a_note_that_is_damaged_does_not_matter(
    tmp_path: Path, reads: list[Path], note: str
) -> None:
    file = made(tmp_path / "large.txt", "large enough")
    first = fingerprint([file])
    (path,) = (tmp_path / "cache" / "digests").iterdir()
    path.write_text(note, encoding="utf-8")
    assert fingerprint([file]) == first
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_costs_a_reading(tmp_path: Path, reads: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    file = made(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2
