"""Twenty training steps in float32 do not move: refactoring must not change the curve.

The figures in losses.json are the running training loss after each step. They are those of torch
too: tests/laws/test_backends_agree.py compares both. After a change that is meant to move them,
write them anew with ``PYTHONPATH=tests python tests/golden/test_losses.py``.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from random_texts import random_texts

from charloom.api import train
from charloom.events import Event, Step

GOLDEN = Path(__file__).with_name("losses.json")
KINDS = [
    f"{cell}-{source}-{unit}"
    for cell in ("lstm", "gru", "rnn")
    for source in ("one-hot", "8")
    for unit in ("line", "stream")
]


def losses(kind: str, folder: Path, precision: Literal["fp32", "bf16"] = "fp32") -> list[float]:
    cell, source, unit = kind.replace("one-hot", "onehot").split("-")
    path = folder / "lines.txt"
    path.write_text("\n".join(random_texts(seed=3, count=300, max_words=9)), encoding="utf-8")
    seen: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Step):
            seen.append(event.bits_per_character)

    options: dict[str, Any] = {"unit": unit, "cell": cell}
    train(
        path,
        listeners=[listen],
        **options,
        input="one-hot" if source == "onehot" else int(source),
        hidden=24,
        dropout=0.0,
        layers=2,
        steps=20,
        batch_size=8,
        window=32,
        learning_rate=0.01,
        optimizer="adamw",
        precision=precision,
        device="cpu",
    )
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_steps_do_not_move(kind: str, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text("ascii"))[kind]
    # Processors order float32 sums differently; twenty steps let that grow to about 1e-6.
    assert losses(kind, tmp_path) == pytest.approx(golden, rel=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_bfloat16_learn_the_same(kind: str, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text("ascii"))[kind]
    made = losses(kind, tmp_path, "bf16")
    # A factor is off by at most 2**-9 of itself, and what twenty steps make of that.
    assert made == pytest.approx(golden, rel=5e-3)
    assert made != golden


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        curves = {kind: losses(kind, Path(temporary)) for kind in KINDS}
    GOLDEN.write_text(json.dumps(curves, indent=1) + "\n", "ascii")
    sys.exit()
