import json
from pathlib import Path

import pytest

from charloom.errors import ResumeError
from charloom.model_folder import checkpoint
from charloom.model_folder.checkpoint import Checkpoint, read, remove, write

FIRST = Checkpoint(run={"seed": 1}, state={"step": 1}, tensors=b"first")
SECOND = Checkpoint(run={"seed": 1}, state={"step": 2}, tensors=b"second")


def altered(path: Path) -> str:
    return (
        f"{path} is missing, damaged or was altered after it was saved; only a whole checkpoint "
        "can be resumed: put the file back as it was, or begin the run anew with --force."
    )


def test_the_last_that_was_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    assert read(folder) == FIRST
    write(folder, SECOND)
    assert read(folder) == SECOND
    assert len(list(folder.iterdir())) == 2, "nothing of the first is left"


@pytest.mark.parametrize("calls", range(4))
def test_a_kill_leaves_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Two files are written, then renamed: the save ends before the write or renaming ``calls``."""
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    left = calls
    written, replaced = checkpoint._write, Path.replace

    def count() -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1

    def killed_write(path: Path, content: bytes) -> None:
        path.write_bytes(content[:3])
        count()
        written(path, content)

    def killed_replace(path: Path, target: Path) -> Path:
        count()
        return replaced(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "_write", killed_write)
        patch.setattr(Path, "replace", killed_replace)
        write(folder, SECOND)
    assert read(folder) == FIRST
    write(folder, SECOND)
    assert read(folder) == SECOND
    assert len(list(folder.iterdir())) == 2, "what the killed save left is gone"


def test_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ResumeError) as caught:
        read(tmp_path / "m" / "checkpoint")
    assert str(caught.value) == (
        f"there is no checkpoint in {tmp_path / 'm'}, so there is nothing to resume; "
        "check the name, or begin the run without --resume."
    )


@pytest.mark.parametrize("change", [b"", b"firs", b"first and more", b"thirs"])
def test_tensors_that_were_truncated_or_altered(tmp_path: Path, change: bytes) -> None:
    write(tmp_path, FIRST)
    [path] = tmp_path.glob("tensors-*")
    path.write_bytes(change)
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)
    path.unlink()
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)


@pytest.mark.parametrize("end", [0, 1, 100, -2])
def test_a_state_that_was_truncated(tmp_path: Path, end: int) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)


def test_a_state_that_was_altered(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_text(path.read_text().replace('"step": 1', '"step": 3'))
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)


@pytest.mark.parametrize(("version", "another"), [(2, "the older"), (4, "a newer")])
def test_another_format(tmp_path: Path, version: int, another: str) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": version}))
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has checkpoint format {version}; this charloom goes on from format 3 alone: "
        f"use {another} charloom, or begin the run anew with --force."
    )


def test_one_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FIRST)

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'state.json'} cannot be read (Permission denied); "
        "a checkpoint that you may read is needed: check its permissions."
    )


def test_it_is_removed_whole(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    remove(folder)
    assert not folder.exists()
    remove(folder)
