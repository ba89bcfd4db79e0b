import errno
import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from records import document_index, folder, record

from charloom.errors import ModelFolderError, OutputError
from charloom.model_folder import format as model_folder
from charloom.model_folder.writer import ModelWriter, check_output_path, create_model_folder


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_the_first_save_creates_the_whole_folder(tmp_path: Path) -> None:
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


def test_a_writer_that_saves_nothing_leaves_nothing(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "m") as writer:
        writer.append("metrics.jsonl", "{}")
    assert names(tmp_path) == set()


def test_later_saves_replace_weights_and_metrics(tmp_path: Path) -> None:
    path = tmp_path / "m"
    better = record(metrics={**record().metrics, "bits_per_character": 1.25})
    tensors = {key: 2 * tensor for key, tensor in record().tensors.items()}
    with ModelWriter(path) as writer:
        writer.save(record())
        writer.save(model_folder.ModelRecord(**{**vars(better), "tensors": tensors}))
    loaded = model_folder.read(path)
    assert loaded.metrics["bits_per_character"] == 1.25
    assert all((loaded.tensors[key] == tensors[key]).all() for key in tensors)


def test_the_index_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with ModelWriter(path) as writer:
        writer.save(record(document_index=document_index(["a", "b"])))
        before = (path / "documents.bin").stat()
        assert (path / "documents.bin").read_bytes() == document_index(["a", "b"]).packed
        writer.save(record(document_index=document_index(["a", "b"]), metrics={}))
        after = (path / "documents.bin").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    loaded = model_folder.read(path)
    assert loaded.metrics == {}
    assert loaded.document_index is not None and "a" in loaded.document_index


@pytest.mark.parametrize("documents", [["c"], None])
def test_force_replaces_the_index(tmp_path: Path, documents: list[str] | None) -> None:
    path = folder(tmp_path / "m", document_index=document_index(["a", "b"]))
    create_model_folder(
        path, record(document_index=document_index(documents) if documents else None), force=True
    )
    assert ("documents.bin" in names(path)) is (documents is not None)
    loaded = model_folder.read(path).document_index
    if documents is None:
        assert loaded is None
    else:
        assert loaded is not None and "c" in loaded and "a" not in loaded


def test_a_loaded_model_is_saved_with_its_index(tmp_path: Path) -> None:
    first = folder(tmp_path / "m", document_index=document_index(["a", "b"]))
    loaded = model_folder.read(first)
    second = tmp_path / "n"
    create_model_folder(second, loaded)
    assert names(second) == names(first)
    assert (second / "documents.bin").read_bytes() == (first / "documents.bin").read_bytes()
    copied = model_folder.read(second).document_index
    assert copied is not None and "a" in copied and "c" not in copied


def test_a_damaged_index_is_not_copied(tmp_path: Path) -> None:
    first = folder(tmp_path / "m", document_index=document_index(["a", "b"]))
    loaded = model_folder.read(first)
    (first / "documents.bin").write_bytes(b"")
    with pytest.raises(ModelFolderError, match=r"documents\.bin is damaged or was altered"):
        create_model_folder(tmp_path / "n", loaded)
    assert names(tmp_path) == {"m"}


def test_a_model_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    with pytest.raises(OutputError) as caught:
        create_model_folder(path, record())
    assert str(caught.value) == (
        f"{path} already holds a model; replace it with --force, "
        "or name another folder with --output."
    )


def test_the_old_model_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    (path / "samples.jsonl").write_text("old")
    with ModelWriter(path, force=True) as writer:
        assert model_folder.read(path).metrics["bits_per_character"] == 2.5
        writer.save(record(metrics={**record().metrics, "bits_per_character": 1.0}))
    assert model_folder.read(path).metrics["bits_per_character"] == 1.0
    assert "samples.jsonl" not in names(path)
    assert names(tmp_path) == {"m"}


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir()
    (path / "me.jpg").write_bytes(b"x")
    for force in (False, True):
        with pytest.raises(OutputError) as caught:
            create_model_folder(path, record(), force=force)
        assert str(caught.value) == (
            f"{path} holds other files and no model; "
            "name a folder that does not exist yet with --output."
        )
    assert names(path) == {"me.jpg"}


def test_an_empty_folder_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.mkdir()
    create_model_folder(path, record())
    assert model_folder.read(path).labels == ()


def test_a_file_at_the_path_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_text("")
    with pytest.raises(OutputError) as caught:
        create_model_folder(path, record(), force=True)
    assert str(caught.value) == (
        f"{path} is a file; name a folder that does not exist yet with --output."
    )


def full(path: Path) -> str:
    return (
        f"{path} cannot be written (No space left on device); nothing half-made is left there: "
        "free some space, or choose another folder with --output."
    )


def test_a_full_disk_at_the_first_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OutputError) as caught:
        create_model_folder(tmp_path / "m", record())
    assert str(caught.value) == full(tmp_path / "m")
    assert names(tmp_path) == set()


def test_a_full_disk_at_a_later_save_leaves_the_saved_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    with pytest.raises(OutputError) as caught, ModelWriter(path) as writer:
        writer.save(record())
        before = {name: (path / name).read_bytes() for name in names(path)}
        monkeypatch.setattr(os, "fsync", full_disk)
        writer.save(record(metrics={}))
    assert str(caught.value) == full(path)
    assert {name: (path / name).read_bytes() for name in names(path)} == before


def test_the_old_model_is_put_back_if_the_new_one_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m")
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Any) -> Path:
        if Path(target) == path and self.name != "model":
            full_disk()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OutputError):
        create_model_folder(path, record(metrics={}), force=True)
    assert model_folder.read(path).metrics["bits_per_character"] == 2.5
    assert names(tmp_path) == {"m"}


def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "m"
    with pytest.raises(OutputError) as caught:
        ModelWriter(path)
    assert str(caught.value).startswith(f"{path} cannot be written (")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = folder(tmp_path / "m")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


OTHER = "holds other files and no model; name a folder that does not exist yet with --output."
FULL: dict[str, bytes] = {"config.json": b"{}", "model.safetensors": b"w", "README.md": b"r"}


@pytest.mark.parametrize(
    "files",
    [
        FULL | {"config.json": json.dumps({"model_type": "gpt2"}).encode()},
        FULL | {"config.json": json.dumps({"model_type": "gpt2"}).encode(), "vocabulary.json": b""},
        FULL | {"config.json": b"[]"},
        FULL | {"config.json": b"not json"},
    ],
)
def test_a_model_of_another_program_is_never_replaced(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    path = tmp_path / "m"
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    with pytest.raises(OutputError) as caught:
        create_model_folder(path, record(), force=True)
    assert str(caught.value) == f"{path} {OTHER}"
    assert {name: (path / name).read_bytes() for name in names(path)} == files


@pytest.mark.parametrize("config", [b"", b"{", b"\xff", b'{"model_type": "charloom"}'])
def test_a_damaged_model_is_replaced(tmp_path: Path, config: bytes) -> None:
    path = folder(tmp_path / "m")
    (path / "config.json").write_bytes(config)
    (path / ".model.safetensors.partial").write_bytes(b"left by a power failure")
    create_model_folder(path, record(metrics={}), force=True)
    assert model_folder.read(path).metrics == {}
    assert names(path) == {"config.json", "vocabulary.json", "model.safetensors", "README.md"}


def test_files_of_the_user_are_never_deleted(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    (path / "checkpoint").mkdir()
    (path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError) as caught:
        create_model_folder(path, record(), force=True)
    assert str(caught.value) == (
        f"{path} holds a model and also notes.txt, which would be lost; "
        "move it away, or name another folder with --output."
    )
    (path / "notes.txt").unlink()
    create_model_folder(path, record(), force=True)
    assert "checkpoint" not in names(path)


@pytest.mark.parametrize("force", [False, True])
def test_what_appeared_at_the_path_in_the_meantime_is_kept(tmp_path: Path, force: bool) -> None:
    path = tmp_path / "m"
    with ModelWriter(path, force=force) as writer:
        folder(path)
        if force:
            (path / "notes.txt").write_text("mine")
        with pytest.raises(OutputError, match="and also notes" if force else "already holds"):
            writer.save(record(metrics={}))
    assert model_folder.read(path).metrics["bits_per_character"] == 2.5
    assert ("notes.txt" in names(path)) is force
    assert names(tmp_path) == {"m"}


def fixed(path: Path) -> str:
    return (
        f"{path} is the current folder, a parent of it or a mount point, which cannot be replaced; "
        f"name a folder within with --output, such as {path / 'model'}."
    )


@pytest.mark.parametrize("place", [".", "..", "../here", "within/.."])
def test_the_current_folder_and_its_parents_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "here" / "within").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError) as caught:
        check_output_path(Path(place), force=True)
    assert str(caught.value) == fixed(Path(place))


def test_a_mount_point_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path)
    with pytest.raises(OutputError) as caught:
        check_output_path(tmp_path, force=False)
    assert str(caught.value) == fixed(tmp_path)


@pytest.mark.parametrize("refused", ["the old", "the new"])
def test_a_refused_rename_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    path = tmp_path / "m"
    path.mkdir()
    rename = Path.rename

    def refuse(self: Path, target: Any) -> Path:
        if (
            (self == path)
            if refused == "the old"
            else (Path(target) == path and self.name[0] == ".")
        ):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match="nothing half-made is left there"):
        create_model_folder(path, record())
    assert names(tmp_path) == {"m"}
    assert names(path) == set()


def test_a_name_that_is_too_long_is_reported(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300)
    with pytest.raises(OutputError) as caught:
        check_output_path(path, force=False)
    reason = os.strerror(errno.ENAMETOOLONG)
    assert (
        str(caught.value) == f"{path} cannot be used ({reason}); name another folder with --output."
    )
    assert model_folder.read(folder(tmp_path / ("a" * 250))).labels == ()


def test_created_parents_are_removed_unless_something_is_in_them(tmp_path: Path) -> None:
    with ModelWriter(tmp_path / "a" / "b" / "m"):
        assert (tmp_path / "a" / "b").is_dir()
    assert names(tmp_path) == set()
    with ModelWriter(tmp_path / "a" / "b" / "m"):
        (tmp_path / "a" / "mine.txt").write_text("")
    assert names(tmp_path / "a") == {"mine.txt"}


def test_a_full_disk_never_separates_weights_and_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    sync = os.fsync
    for allowed in range(3):
        with ModelWriter(path, force=True) as writer:
            writer.save(record())
            before = {name: (path / name).read_bytes() for name in names(path)}
            turns = iter([sync] * allowed)
            monkeypatch.setattr(os, "fsync", lambda file, turns=turns: next(turns, full_disk)(file))
            tensors = {key: 2 * tensor for key, tensor in record().tensors.items()}
            with pytest.raises(OutputError):
                writer.save(record(metrics={}, tensors=tensors))
            monkeypatch.setattr(os, "fsync", sync)
        assert {name: (path / name).read_bytes() for name in names(path)} == before


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="files have no largest size here")
def test_a_line_is_appended_whole_or_not_at_all(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "m"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OutputError), ModelWriter(path) as writer:
            writer.save(record())
            writer.append("metrics.jsonl", "{}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (9, limits[1]))
            writer.append("metrics.jsonl", "[1, 2, 3, 4]")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (path / "metrics.jsonl").read_text("utf-8") == "{}\n"


def test_a_link_to_a_folder_is_followed_and_stays(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "models" / "target"
    target.parent.mkdir()
    link.symlink_to(target)
    for force in (False, True):
        with ModelWriter(link, force=force) as writer:
            writer.save(record())
        assert link.is_symlink()
        assert (target / "config.json").is_file()
