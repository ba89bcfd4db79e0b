"""Compiled functions in processes of their own, with an empty cache at first."""

from pathlib import Path

import pytest
from compiled_program import DOUBLED, MODULE, NOTICE, write_kernels
from compiled_program import run_kernels as run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the module ``kernels``."""
    return write_kernels(tmp_path)


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
    (folder / "kernels.py").write_text(MODULE.replace("*= 2", "*= 3.0"), "utf-8")
    assert run(folder) == [NOTICE, "[3.0, 3.0, 3.0] True"]


def test_division_by_zero_is_that_of_numpy(folder: Path) -> None:
    assert run(folder, "print(kernels.quotient(1.0, 0.0))")[-1] == "inf"


def test_a_full_disk_does_not_end_the_program(folder: Path) -> None:
    full = "from numba.core.caching import IndexDataCacheFile as File\n    "
    full += "def save(*_): raise OSError(28, 'No space left on device')\n    "
    full += "File.save = save; print(kernels.quotient(1.0, 2.0))"
    assert run(folder, full)[-1] == "0.5"
