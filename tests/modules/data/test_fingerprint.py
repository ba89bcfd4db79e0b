"""A large file is read once, and again whenever it may have changed."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from charloom.data import fingerprint as fingerprint_module
from charloom.data.fingerprint import fingerprint
from charloom.data.source_file import SourceFile


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the name of each file read; 10 bytes are large, all times are old."""
    names: list[str] = []
    file_digest = hashlib.file_digest

    def record(stream: Any, digest: Any) -> Any:
        names.append(stream.name)
        return file_digest(stream, digest)

    monkeypatch.setenv("CHARLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashlib, "file_digest", record)
    monkeypatch.setattr(fingerprint_module, "MIN_CACHED_BYTES", 10)
    monkeypatch.setattr(fingerprint_module, "MIN_AGE_NS", 0)
    return names


def source(path: Path, text: str) -> SourceFile:
    path.write_text(text, encoding="utf-8")
    time.sleep(0.05)  # more than one tick of a file system's clock
    return SourceFile(path=path, name=path.name)


def test_a_large_file_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    file = source(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 1


def test_a_small_file_is_read_each_time(tmp_path: Path, reads: list[str]) -> None:
    file = source(tmp_path / "small.txt", "small")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2


@pytest.mark.skipif(os.name == "nt", reason="st_ctime is the creation time there")
def test_a_change_is_detected_even_if_the_old_time_is_restored(
    tmp_path: Path, reads: list[str]
) -> None:
    file = source(tmp_path / "large.txt", "large enough")
    before, first = file.path.stat(), fingerprint([file])
    source(file.path, "Large enough")
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fingerprint([file]) != first
    assert len(reads) == 2


def test_the_digest_of_a_file_that_has_just_changed_is_not_cached(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint_module, "MIN_AGE_NS", 60_000_000_000)
    file = source(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2


@pytest.mark.parametrize("entry", ["", "[]", '{"state": 1}', '{"digest": 5}'])
def test_a_damaged_cache_entry_is_ignored(tmp_path: Path, reads: list[str], entry: str) -> None:
    file = source(tmp_path / "large.txt", "large enough")
    first = fingerprint([file])
    (path,) = (tmp_path / "cache" / "digests").iterdir()
    path.write_text(entry, encoding="utf-8")
    assert fingerprint([file]) == first
    assert len(reads) == 2


def test_without_a_writable_cache_the_file_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    file = source(tmp_path / "large.txt", "large enough")
    assert fingerprint([file]) == fingerprint([file])
    assert len(reads) == 2
