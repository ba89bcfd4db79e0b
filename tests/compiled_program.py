"""A program that calls compiled functions of a module, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

NOTICE = "code is compiled for this machine, the first time only: about ten seconds."
DOUBLED = "[2.0, 2.0, 2.0]"

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


def write_kernels(folder: Path) -> Path:
    """Write the module ``kernels`` to a folder, and return it."""
    (folder / "kernels.py").write_text(MODULE, "utf-8")
    return folder


def run_kernels(folder: Path, more: str = "", **variables: str) -> list[str]:
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
