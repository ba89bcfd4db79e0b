"""Without compiled code the same functions run in Python, slowly, with the same texts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
import charloom
from charloom.jit.intrinsic import IS_COMPILED

run, source, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = charloom.train(source, output=run, force=True, **options)
texts = charloom.load(sys.argv[4]).generate("a", n=2, seed=3, length=12)
bits = charloom.load(sys.argv[4]).score(["abc", "face"])
print(json.dumps([IS_COMPILED, model.record.metrics["bits_per_character"], texts, bits]))
"""


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "hidden": 20, "precision": "fp32"},
        {"cell": "gru", "hidden": 12, "layers": 2, "precision": "bf16"},
        {"cell": "rnn", "hidden": 8, "input": "one-hot", "optimizer": "adamw"},
    ],
    ids=lambda options: options["cell"],
)
def test_python_gives_the_results_of_compiled_code(
    tmp_path: Path, options: dict[str, object]
) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("".join(f"{'face bad'[n % 5 :]}\n" for n in range(40)), "utf-8")
    shared = tmp_path / "compiled"
    results = []
    for run, setting in (("compiled", "0"), ("python", "1")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / run), str(source)]
            + [json.dumps(options | {"steps": 4, "seed": 1}), str(shared)],
            capture_output=True,
            text=True,
            env=os.environ | {"NUMBA_DISABLE_JIT": setting},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout.splitlines()[-1]))
        assert "Warning" not in done.stderr
    (compiled, loss, texts, bits), (python, python_loss, python_texts, python_bits) = results
    assert (compiled, python) == (True, False)
    assert python_loss == pytest.approx(loss, rel=2e-2)
    assert python_texts == texts, "bit for bit, since generation is exact"
    assert python_bits == pytest.approx(bits, rel=1e-5)
