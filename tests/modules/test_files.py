"""Existence checks agree with the system; atomic writes fsync in order and survive failures."""

import ast
import errno
import os
from pathlib import Path

import pytest
from faults import FULL_DISK, Killed, failing, inode, recorded

from charloom import files
from charloom.files import (
    exists,
    follow_link,
    fsync_directory,
    is_dir,
    is_file,
    replace_file,
    replace_files,
    write_file,
)

SOURCE = Path(files.__file__).parent
CHECKS = (exists, is_file, is_dir)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other names and permissions")


def test_kinds_of_paths(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cases = {
        tmp_path: (True, False, True),
        tmp_path / "file": (True, True, False),
        tmp_path / "missing": (False, False, False),
        tmp_path / "file" / "below": (False, False, False),
        tmp_path / "a\0b": (False, False, False),
    }
    for path, expected in cases.items():
        assert tuple(check(path) for check in CHECKS) == expected, path


@posix
def test_symbolic_links_are_followed_and_loops_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [check(tmp_path / "link") for check in CHECKS] == [True, False, True]
    assert [check(tmp_path / "loop") for check in CHECKS] == [False, False, False]


@posix
@pytest.mark.parametrize("check", CHECKS)
def test_a_name_that_is_too_long_raises_on_every_python(
    tmp_path: Path, check: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python 3.14: these return False instead of raising.
    for name in ("exists", "is_file", "is_dir"):
        monkeypatch.setattr(Path, name, lambda path: False)
    assert callable(check)
    with pytest.raises(OSError) as caught:
        check(tmp_path / ("a" * 300))
    assert caught.value.errno == errno.ENAMETOOLONG


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root enters all")
def test_a_folder_that_may_not_be_searched_raises(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with pytest.raises(PermissionError):
            exists(tmp_path / "file")
    finally:
        tmp_path.chmod(0o700)


def test_no_module_uses_the_checks_of_pathlib_that_hide_errors() -> None:
    calls = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"exists", "is_file", "is_dir"} and not node.args
    ]
    assert not calls, "use charloom.files: from Python 3.14 on, pathlib's checks hide errors"


@posix
def test_files_are_fsynced_then_renamed_then_their_directory_is_fsynced(tmp_path: Path) -> None:
    with recorded() as calls:
        replace_files(tmp_path, {"a": b"1", "b": b"2"})
    assert calls == [
        ("fsync", inode(tmp_path / "a")),
        ("fsync", inode(tmp_path / "b")),
        ("rename", "a"),
        ("rename", "b"),
        ("fsync", inode(tmp_path)),
    ]


@pytest.mark.parametrize("error", [FULL_DISK, Killed()])
@pytest.mark.parametrize("allowed", range(5))
def test_a_failure_at_any_point_leaves_each_file_old_or_new(
    tmp_path: Path, allowed: int, error: BaseException
) -> None:
    old, new = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "b": b"new b"}
    replace_files(tmp_path, old)
    with failing(allowed, error), pytest.raises(type(error)):
        replace_files(tmp_path, new)
    renamed = max(0, allowed - 2)  # two files are fsynced first
    expected = {name: (new if k < renamed else old)[name] for k, name in enumerate("ab")}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected


def test_processes_with_their_own_suffix_do_not_disturb_each_other(tmp_path: Path) -> None:
    foreign = tmp_path / ".a.1.partial"
    foreign.write_bytes(b"of another process")
    replace_files(tmp_path, {"a": b"new"}, suffix=".2")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert foreign.read_bytes() == b"of another process"


@posix
def test_a_file_written_in_parts_is_fsynced_before_it_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with recorded() as calls, replace_file(path) as file:
        file.write(b"new ")
        file.write(b"content")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new content"
    assert calls == [("fsync", inode(path)), ("rename", "a"), ("fsync", inode(tmp_path))]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("error", [FULL_DISK, Killed()])
@pytest.mark.parametrize("allowed", range(2))
def test_a_file_that_cannot_be_replaced_is_unchanged(
    tmp_path: Path, allowed: int, error: BaseException
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with failing(allowed, error), pytest.raises(type(error)), replace_file(path) as file:
        file.write(b"new")
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"a": b"old"}


def test_an_error_while_a_file_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), replace_file(path) as file:
        file.write(b"half of ")
        raise KeyError
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"a": b"old"}


def test_two_writers_of_a_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with replace_file(path) as first:
        first.write(b"first ")
        with replace_file(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
        first.write(b"writer")
    assert path.read_bytes() == b"first writer"


@posix
def test_a_file_reaches_the_disk(tmp_path: Path) -> None:
    with recorded() as calls:
        write_file(tmp_path / "a", b"content")
    assert calls == [("fsync", inode(tmp_path / "a"))]
    assert (tmp_path / "a").read_bytes() == b"content"


@posix
@pytest.mark.parametrize(
    ("number", "raises"), [(errno.EIO, True), (errno.ENOSPC, True), (errno.EINVAL, False)]
)
def test_only_failures_of_the_disk_are_reported_for_a_directory(
    tmp_path: Path, number: int, raises: bool
) -> None:
    with failing(0, OSError(number, os.strerror(number))):
        if raises:
            with pytest.raises(OSError):
                fsync_directory(tmp_path)
        else:
            fsync_directory(tmp_path)


def test_a_link_is_followed_to_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "missing")
    assert follow_link(link) == tmp_path / "missing"
    assert follow_link(tmp_path / "plain") == tmp_path / "plain"
    link.unlink()
    link.symlink_to(link)
    assert follow_link(link) == link, "a link to itself is reported when it is used"
