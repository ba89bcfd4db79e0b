import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from records import folder, record

from charloom import model_folder
from charloom.errors import OutputError
from charloom.model_writer import ModelWriter, create


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_the_folder_appears_whole_at_the_first_save(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "m"
    with ModelWriter(path) as writer:
        assert not path.exists()
        writer.append("metrics.jsonl", "{}")
        writer.save(record())
        writer.append("metrics.jsonl", "[]")
    assert names(path) == {
        "config.json",
        "vocabulary.json",
        "model.safetensors",
        "README.md",
        "metrics.jsonl",
    }
    assert (path / "metrics.jsonl").read_text("utf-8") == "{}\n[]\n"
    assert names(path.parent) == {"m"}


def test_without_a_save_nothing_is_left(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        writer.append("metrics.jsonl", "{}")
    assert names(tmp_path) == set()


def test_later_saves_replace_weights_and_figures(tmp_path: Path) -> None:
    path = tmp_path / "m"
    better = record(figures={**record().figures, "bits_per_character": 1.25})
    tensors = {key: 2 * tensor for key, tensor in record().tensors.items()}
    with ModelWriter(path) as writer:
        writer.save(record())
        writer.save(model_folder.ModelRecord(**{**vars(better), "tensors": tensors}))
    loaded = model_folder.read(path)
    assert loaded.figures["bits_per_character"] == 1.25
    assert all((loaded.tensors[key] == tensors[key]).all() for key in tensors)


def test_a_model_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    with pytest.raises(OutputError) as caught:
        create(path, record())
    assert str(caught.value) == (
        f"{path} already holds a model; replace it with --force, "
        "or name another folder with --output."
    )


def test_the_old_model_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    (path / "samples.jsonl").write_text("old")
    with ModelWriter(path, force=True) as writer:
        assert model_folder.read(path).figures["bits_per_character"] == 2.5
        writer.save(record(figures={**record().figures, "bits_per_character": 1.0}))
    assert model_folder.read(path).figures["bits_per_character"] == 1.0
    assert "samples.jsonl" not in names(path)
    assert names(tmp_path) == {"m"}


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir()
    (path / "me.jpg").write_bytes(b"x")
    for force in (False, True):
        with pytest.raises(OutputError) as caught:
            create(path, record(), force=force)
        assert str(caught.value) == (
            f"{path} holds other files and no model; "
            "name a folder that does not exist yet with --output."
        )
    assert names(path) == {"me.jpg"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.mkdir()
    create(path, record())
    assert model_folder.read(path).labels == ()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("")
    with pytest.raises(OutputError) as caught:
        create(path, record(), force=True)
    assert str(caught.value) == (
        f"{path} is a file; name a folder that does not exist yet with --output."
    )


def full(path: Path) -> str:
    return (
        f"{path} cannot be written (No space left on device); nothing half-made is left there: "
        "free some space, or choose another folder with --output."
    )


def test_a_full_disk_at_the_first_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OutputError) as caught:
        create(tmp_path / "m", record())
    assert str(caught.value) == full(tmp_path / "m")
    assert names(tmp_path) == set()


def test_a_full_disk_later_leaves_the_model_that_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    with pytest.raises(OutputError) as caught, ModelWriter(path) as writer:
        writer.save(record())
        before = {name: (path / name).read_bytes() for name in names(path)}
        monkeypatch.setattr(os, "fsync", full_disk)
        writer.save(record(figures={}))
    assert str(caught.value) == full(path)
    assert {name: (path / name).read_bytes() for name in names(path)} == before


def test_a_model_that_cannot_be_put_in_place_gives_way_to_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m")
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Any) -> Path:
        if Path(target) == path and "old" not in str(self):
            full_disk()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OutputError):
        create(path, record(figures={}), force=True)
    assert model_folder.read(path).figures["bits_per_character"] == 2.5
    assert names(tmp_path) == {"m"}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "m"
    with pytest.raises(OutputError) as caught:
        ModelWriter(path)
    assert str(caught.value).startswith(f"{path} cannot be written (")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_others_may_read_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = folder(tmp_path / "m")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
