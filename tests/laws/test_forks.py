"""A forked worker trains, generates and scores after its parent did."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_worker_trains_after_its_parent(tmp_path: Path) -> None:
    """Threads and compiled code of the parent do not make its child wait forever."""
    source = tmp_path / "lines.txt"
    source.write_text("".join(f"line {n} of a text\n" for n in range(200)), "utf-8")
    program = f"""
import multiprocessing
import charloom

def train(seed):
    model = charloom.train({str(source)!r}, steps=4, hidden=64, seed=seed)
    return model.generate(n=3, seed=1), model.score(["line", "text"])

here = train(0)
with multiprocessing.get_context("fork").Pool(1) as pool:
    there = pool.apply_async(train, [0]).get(timeout=100)
assert here == there, (here, there)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
