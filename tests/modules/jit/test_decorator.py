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


def run(folder: Path, more: str = "") -> list[str]:
    """Return the lines that PROGRAM prints."""
    environment = dict(os.environ)
    environment.pop("NUMBA_CACHE_DIR", None)
    path = os.pathsep.join([str(folder), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(more)],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NOTICE = "code is compiled for this machine, the first time only: about ten seconds."
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
