"""Mapped files are read-only arrays that can be released and read again."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from charloom.data.memory_map import map_file, release


def test_the_array_has_the_content_of_the_file(tmp_path: Path) -> None:
    expected = np.arange(10_000, dtype="<u2")
    (tmp_path / "x").write_bytes(expected.tobytes())
    mapped = map_file(tmp_path / "x", "<u2")
    assert mapped.dtype == np.dtype("<u2")
    assert np.array_equal(mapped, expected)


def test_the_array_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(ValueError, match="read-only"):
        map_file(tmp_path / "x", "u1")[0] = 1


def test_an_empty_file_cannot_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(ValueError, match="empty"):
        map_file(tmp_path / "x", "u1")


def test_released_pages_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"ab" * 100_000)
    mapped = map_file(tmp_path / "x", "u1")
    view = mapped[2:].reshape(-1, 2)
    assert int(mapped.sum()) == 100_000 * (97 + 98)
    release(view, mapped)
    assert view[-1].tolist() == [97, 98]


def resident_kib() -> int:
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise AssertionError("no Rss")


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists() or not hasattr(mmap, "MADV_DONTNEED"),
    reason="only Linux reports the resident memory here",
)
def test_releasing_returns_the_memory(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(64 << 20))
    mapped = map_file(tmp_path / "x", "u1")
    before = resident_kib()
    assert mapped[::4096].sum() == 0
    read = resident_kib()
    release(mapped)
    assert read - before > 50_000
    assert resident_kib() - before < 10_000


def test_other_arrays_are_ignored() -> None:
    array = np.arange(3)
    release(array, np.broadcast_to(np.int32(-1), 5))
    assert array.tolist() == [0, 1, 2]
