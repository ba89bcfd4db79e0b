"""Train on few texts beside many related ones, with weights of the two sources.

The texts are those of ``fine_tuning``. Prints bits per character on held-out texts of each source,
for one model of each pair of weights; all take the same number of steps, with the same settings.

    python benchmarks/source_weights.py [--texts 1000] [--steps 1000] [--weights 1,1 3,1 10,1]
        [--hidden 128] [--only titles plays names molecules] [--data FOLDER]
"""

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Any, Final

from commands import charloom
from fine_tuning import HELD_OUT, TEXTS
from texts import DATA

import charloom as library

FIXED: Final = ("--dropout", 0.2, "--batch-size", 32, "--weight-decay", 0.05)
"""Settings that would otherwise depend on the number of texts."""


def measure(name: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Train a model for each pair of weights; return the figures of each."""
    parts = TEXTS[name](given.data)
    for part in parts:
        random.Random(1).shuffle(part)
    many, few = (part[HELD_OUT:] for part in parts)
    held_out = {"few": parts[1][:HELD_OUT], "many": parts[0][:HELD_OUT]}
    sources = {"few": few[: given.texts], "many": many}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder, f"{kind}.txt") for kind in sources}
        for kind, path in paths.items():
            path.write_text("\n".join(sources[kind]), "utf-8")
        for weights in given.weights:
            output = Path(folder, weights)
            options = (
                "--source-weights",
                weights,
                "--steps",
                given.steps,
                "--hidden",
                given.hidden,
            )
            charloom(paths["few"], paths["many"], *options, *FIXED, keep=output)
            model = library.load(output)
            figures = {kind: model.bits_per_character(held_out[kind]) for kind in held_out}
            sizes = {f"{kind} texts": len(texts) for kind, texts in sources.items()}
            rows.append({"name": name, "weights": weights} | sizes | figures)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=1000, help="texts of the few")
    parser.add_argument("--steps", type=int, default=1000, help="of each run")
    parser.add_argument("--hidden", type=int, default=128, help="units of all networks")
    parser.add_argument("--weights", nargs="+", default=["1,1", "3,1", "10,1"])
    parser.add_argument("--only", nargs="+", choices=list(TEXTS), default=list(TEXTS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args()
    print(f"{'texts':10} {'few':>6} {'many':>7} {'weights':>8} {'few':>7} {'many':>7}")
    rows = []
    for name in given.only:
        for row in measure(name, given):
            rows.append(row)
            sizes = f"{row['few texts']:6,} {row['many texts']:7,}"
            bits = f"{row['few']:7.3f} {row['many']:7.3f}"
            print(f"{name:10} {sizes} {row['weights']:>8} {bits}", flush=True)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "source_weights.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
