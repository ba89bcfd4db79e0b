"""A checkpoint is written all or nothing, and refused unless it is whole."""

import json
import os
from pathlib import Path

import pytest
from faults import FULL_DISK, Killed, failing, inode, recorded

from charloom.errors import ResumeError
from charloom.model_folder.checkpoint import Checkpoint, read, remove, write

FIRST = Checkpoint(run={"seed": 1}, state={"step": 1}, tensors=b"first")
SECOND = Checkpoint(run={"seed": 1}, state={"step": 2}, tensors=b"second")


def altered(path: Path) -> str:
    return (
        f"{path} is missing, damaged or was altered after it was saved; only a whole checkpoint "
        "can be resumed: put the file back as it was, or begin the run anew with --force."
    )


def test_the_last_checkpoint_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    assert read(folder) == FIRST
    write(folder, SECOND)
    assert read(folder) == SECOND
    assert len(list(folder.iterdir())) == 2, "nothing of the first is left"


@pytest.mark.parametrize("error", [FULL_DISK, Killed()])
@pytest.mark.parametrize("allowed", range(6))
def test_a_failure_at_any_point_leaves_the_old_or_the_new_checkpoint(
    tmp_path: Path, allowed: int, error: BaseException
) -> None:
    """Tensors, then state: each is fsynced, renamed, and its directory is fsynced."""
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    with failing(allowed, error), pytest.raises(type(error)):
        write(folder, SECOND)
    assert read(folder) == (FIRST if allowed < 5 else SECOND)
    write(folder, SECOND)
    assert read(folder) == SECOND
    assert len(list(folder.iterdir())) == 2, "the files of the failed save are gone"


def test_the_next_save_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    (tmp_path / ".state.json.partial").write_bytes(b"{")
    (tmp_path / "tensors-0.safetensors.partial").write_bytes(b"of an older charloom")
    write(tmp_path, SECOND)
    assert read(tmp_path) == SECOND
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot fsync directories")
def test_tensors_reach_the_disk_before_the_state_that_names_them(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    with recorded() as calls:
        write(folder, FIRST)
    [tensors] = folder.glob("tensors-*")
    assert calls == [
        ("fsync", inode(tmp_path)),  # the new folder
        ("fsync", inode(tensors)),
        ("rename", tensors.name),
        ("fsync", inode(folder)),
        ("fsync", inode(folder / "state.json")),
        ("rename", "state.json"),
        ("fsync", inode(folder)),
    ]


def test_a_missing_checkpoint_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ResumeError) as caught:
        read(tmp_path / "m" / "checkpoint")
    assert str(caught.value) == (
        f"there is no checkpoint in {tmp_path / 'm'}, so there is nothing to resume; "
        "check the name, or begin the run without --resume."
    )


@pytest.mark.parametrize("change", [b"", b"firs", b"first and more", b"thirs"])
def test_truncated_or_altered_tensors_are_refused(tmp_path: Path, change: bytes) -> None:
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
def test_a_truncated_state_is_refused(tmp_path: Path, end: int) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)


def test_an_altered_state_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_text(path.read_text().replace('"step": 1', '"step": 3'))
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == altered(path)


@pytest.mark.parametrize(("version", "another"), [(3, "the older"), (5, "a newer")])
def test_another_format_is_refused(tmp_path: Path, version: int, another: str) -> None:
    write(tmp_path, FIRST)
    path = tmp_path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": version}))
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has checkpoint format {version}; this charloom resumes format 4 only: "
        f"use {another} charloom, or begin the run anew with --force."
    )


def test_a_file_that_cannot_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, FIRST)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ResumeError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'state.json'} cannot be read (Permission denied); "
        "a checkpoint that you may read is needed: check its permissions."
    )


def test_removing_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    write(folder, FIRST)
    remove(folder)
    assert not folder.exists()
    remove(folder)
