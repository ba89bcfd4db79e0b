"""A short training run loads only the modules that it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

UNUSED = ("torch", "polars", "optuna", "sklearn", "tensorboard", "pydantic", "numba.np.arrayobj")
"""Packages of other tasks, and Numba's compiler, which take tenths of a second to import."""

PROGRAM = f"""
import sys
from charloom.cli.app import main
try:
    main()
finally:
    print("loaded:", *sorted(set({UNUSED}) & set(sys.modules)))
"""


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_run_without_compilation_loads_no_compiler(cell: str, tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(f"line {n} of a text" for n in range(60)), "utf-8")
    options = f"--cell {cell} --hidden 8 --steps 1 --force --precision fp32 --device cpu -o".split()
    command = [sys.executable, "-c", PROGRAM, "train", str(source), *options, str(tmp_path / "run")]
    outputs = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs.append(done)
    assert outputs[1].stdout.splitlines() == ["loaded:"]
    assert "code is compiled" not in outputs[1].stderr
