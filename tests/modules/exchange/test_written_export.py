from pathlib import Path

import pytest
from faults import FULL_DISK, failing

from charloom.errors import OutputError, SettingsError
from charloom.exchange.written_export import MAX_SIZE, PreparedExport

FILE = PreparedExport(format="html", files={"page": b"new"}, discloses=("3 symbols",))
FOLDER = PreparedExport(format="html", files={"a.js": b"a", "b.json": b"bb"}, is_folder=True)


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "pages" / "facts.html"
    written = FILE.write(path)
    assert path.read_bytes() == b"new"
    assert Path(written) == path
    assert written.to_dict() == {
        "path": path,
        "format": "html",
        "bytes": 3,
        "figures": {},
        "discloses": ["3 symbols"],
    }


def test_a_file_is_replaced_with_force_only(tmp_path: Path) -> None:
    path = tmp_path / "facts.html"
    path.write_bytes(b"old")
    with pytest.raises(OutputError) as error:
        FILE.write(path)
    assert str(error.value) == (
        f"{path} exists already; replace it with --force, or name another place with --output."
    )
    assert path.read_bytes() == b"old"
    FILE.write(path, force=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_of_a_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", "utf-8")
    FOLDER.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.js", "b.json", "mine.txt"]
    with pytest.raises(OutputError) as error:
        FOLDER.write(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'a.js'} exists already; replace it with --force, or name another place with "
        "--output."
    )
    FOLDER.write(tmp_path, force=True)


@pytest.mark.parametrize(
    ("export", "kind", "other"), [(FILE, "a folder", "a file"), (FOLDER, "a file", "a folder")]
)
def test_files_and_folders_do_not_replace_each_other(
    export: PreparedExport, kind: str, other: str, tmp_path: Path
) -> None:
    path = tmp_path / "there"
    if kind == "a folder":
        path.mkdir()
    else:
        path.touch()
    with pytest.raises(OutputError) as error:
        export.write(path, force=True)
    assert str(error.value) == f"{path} is {kind}; name {other} with --output."


def test_the_limit_of_the_size() -> None:
    large = PreparedExport(format="html", files={"page": bytes(MAX_SIZE + 600_000)})
    with pytest.raises(SettingsError) as error:
        large.check_size(force=False, advice="choose --dtype float16")
    assert str(error.value) == (
        "the export would have 65 MB, more than 64 MB; choose --dtype float16, or write it all the "
        "same with --force."
    )
    large.check_size(force=True, advice="")
    FILE.check_size(force=False, advice="")


@pytest.mark.parametrize("export", [FILE, FOLDER])
def test_a_full_disk_leaves_nothing(export: PreparedExport, tmp_path: Path) -> None:
    path = tmp_path / "there"
    with failing(0, FULL_DISK), pytest.raises(OutputError) as error:
        export.write(path)
    assert str(error.value) == (
        f"{path} cannot be written (No space left on device); free some space, or name another "
        "place with --output."
    )
    assert list(tmp_path.iterdir()) == []
