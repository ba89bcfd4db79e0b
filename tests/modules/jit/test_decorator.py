"""Compiled functions in processes of their own, with an empty cache at first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from charloom.jit.decorator import compiled

@compiled()
def double(values_N):
    for n in range(len(values_N)):
        values_N[n] *= 2

@compiled()
def quotient(a, b):
    return a / b

@compiled()
def double_twice(values_N):
    double(values_N)
    double(values_N)
"""

PROGRAM = """
import sys
import numpy as np
from charloom.jit.notice import on_compilation
import kernels

with on_compilation(print):
    values_N = np.ones(3)
    kernels.double(values_N)
    print(values_N.tolist(), "numba.np.arrayobj" in sys.modules)
    {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the module ``kernels``."""
    (tmp_path / "kernels.py").write_text(MODULE, "utf-8")
    return tmp_path


def run(folder: Path, more: str = "", **variables: str) -> list[str]:
    """Return the lines that PROGRAM prints."""
    environment = dict(os.environ)
    environment.pop("NUMBA_CACHE_DIR", None)
    path = os.pathsep.join([str(folder), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(more)],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"PYTHONPATH": path} | variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


EACH_TIME = (
    "code is compiled each time, about ten seconds, since no folder that can be written was found to "
    "keep it: set CHARLOOM_CACHE to one."
)
NOTICE = "code is compiled for this machine, the first time only: about ten seconds."
TEMPORARY = f"charloom-{os.getuid() if hasattr(os, 'getuid') else 0}"
DOUBLED = "[2.0, 2.0, 2.0]"


def test_a_function_is_compiled_once_and_then_loaded_without_the_compiler(folder: Path) -> None:
    assert run(folder) == [NOTICE, f"{DOUBLED} True"]
    assert list((folder / "__pycache__").glob("*.nbc"))
    assert run(folder) == [f"{DOUBLED} False"]


def test_a_loaded_function_can_be_called_by_one_that_is_compiled(folder: Path) -> None:
    run(folder)
    more = "kernels.double_twice(values_N); print(values_N.tolist())"
    assert run(folder, more) == [f"{DOUBLED} False", NOTICE, "[8.0, 8.0, 8.0]"]


def test_a_changed_module_is_compiled_again(folder: Path) -> None:
    run(folder)
    (folder / "kernels.py").write_text(MODULE.replace("*= 2", "*= 3"), "utf-8")
    assert run(folder) == [NOTICE, "[3.0, 3.0, 3.0] True"]


def test_division_by_zero_is_that_of_numpy(folder: Path) -> None:
    assert run(folder, "print(kernels.quotient(1.0, 0.0))")[-1] == "inf"


@pytest.fixture
def closed(folder: Path) -> dict[str, str]:
    """Return variables with which no folder for compiled code can be made."""
    (folder / "temporary").mkdir()
    for name in ("__pycache__", "file", f"temporary/{TEMPORARY}"):
        (folder / name).write_text("not a folder", "utf-8")
    names = "XDG_CACHE_HOME", "HOME", "CHARLOOM_CACHE"
    variables = dict.fromkeys(names, str(folder / "file" / "below"))
    return {**variables, "TMPDIR": str(folder / "temporary")}


def test_compiled_code_is_kept_in_the_cache_of_charloom(
    folder: Path, closed: dict[str, str]
) -> None:
    closed["CHARLOOM_CACHE"] = str(folder / "cache")
    assert run(folder, **closed) == [NOTICE, f"{DOUBLED} True"]
    assert list((folder / "cache" / "compiled").rglob("*.nbc"))
    assert run(folder, **closed) == [f"{DOUBLED} False"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has a temporary folder for each user")
def test_or_in_a_temporary_folder_that_only_the_user_can_write(
    folder: Path, closed: dict[str, str]
) -> None:
    kept = folder / "temporary" / TEMPORARY
    kept.unlink()
    assert run(folder, **closed) == [NOTICE, f"{DOUBLED} True"]
    assert kept.stat().st_mode & 0o777 == 0o700
    assert run(folder, **closed) == [f"{DOUBLED} False"]
    kept.chmod(0o770)  # now others could put code into it
    assert run(folder, **closed) == [EACH_TIME, f"{DOUBLED} True"]


def test_or_nowhere(folder: Path, closed: dict[str, str]) -> None:
    assert run(folder, **closed) == [EACH_TIME, f"{DOUBLED} True"]


def test_a_full_disk_does_not_end_the_program(folder: Path) -> None:
    full = "from numba.core.caching import IndexDataCacheFile as File\n    "
    full += "def save(*_): raise OSError(28, 'No space left on device')\n    "
    full += "File.save = save; print(kernels.quotient(1.0, 2.0))"
    assert run(folder, full)[-1] == "0.5"
