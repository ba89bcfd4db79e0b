"""The choice between an intrinsic and its Python function; laws/test_uncompiled.py runs both."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("setting", "chosen"), [("0", "intrinsic"), ("1", "python")])
def test_python_is_chosen_where_nothing_is_compiled(setting: str, chosen: str) -> None:
    program = (
        "from charloom.jit.intrinsic import intrinsic\n"
        "def define(context):\n    pass\n"
        "def python():\n    pass\n"
        "print('python' if intrinsic(define, python) is python else 'intrinsic')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"NUMBA_DISABLE_JIT": setting},
        check=True,
    )
    assert done.stdout.strip() == chosen
