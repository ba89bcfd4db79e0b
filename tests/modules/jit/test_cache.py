"""Where compiled code is kept if neither the package nor the user's cache can be written."""

import os
from pathlib import Path

import pytest
from compiled_program import DOUBLED, NOTICE, write_kernels
from compiled_program import run_kernels as run

EACH_TIME = (
    "code is compiled each time, about ten seconds, since no folder that can be written was found "
    "to keep it: set CHARLOOM_CACHE to one."
)
TEMPORARY = f"charloom-{os.getuid() if hasattr(os, 'getuid') else 0}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the module ``kernels`` and no room for compiled code."""
    (tmp_path / "temporary").mkdir()
    for name in ("__pycache__", "file", f"temporary/{TEMPORARY}"):
        (tmp_path / name).write_text("not a folder", "utf-8")
    return write_kernels(tmp_path)


@pytest.fixture
def closed(folder: Path) -> dict[str, str]:
    """Return variables with which no folder for compiled code can be made."""
    names = "XDG_CACHE_HOME", "HOME", "CHARLOOM_CACHE"
    variables = dict.fromkeys(names, str(folder / "file" / "below"))
    return {**variables, "TMPDIR": str(folder / "temporary")}


def test_the_cache_of_charloom_comes_first(folder: Path, closed: dict[str, str]) -> None:
    closed["CHARLOOM_CACHE"] = str(folder / "cache")
    assert run(folder, **closed) == [NOTICE, f"{DOUBLED} True"]
    assert list((folder / "cache" / "compiled").rglob("*.nbc"))
    assert run(folder, **closed) == [f"{DOUBLED} False"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has a temporary folder for each user")
def test_then_a_temporary_folder_that_only_the_user_can_write(
    folder: Path, closed: dict[str, str]
) -> None:
    kept = folder / "temporary" / TEMPORARY
    kept.unlink()
    assert run(folder, **closed) == [NOTICE, f"{DOUBLED} True"]
    assert kept.stat().st_mode & 0o777 == 0o700
    assert run(folder, **closed) == [f"{DOUBLED} False"]
    kept.chmod(0o770)  # now others could put code into it
    assert run(folder, **closed) == [EACH_TIME, f"{DOUBLED} True"]


def test_otherwise_code_is_compiled_each_time(folder: Path, closed: dict[str, str]) -> None:
    assert run(folder, **closed) == [EACH_TIME, f"{DOUBLED} True"]
