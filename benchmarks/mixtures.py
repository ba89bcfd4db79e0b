"""Mix a model of few texts with one of many related ones; the texts are those of ``fine_tuning``.

Prints bits per character on held-out texts of the few and of the many: of each model alone, of
mixtures by the weight of the model of few, and of the model of few that starts from that of many.
Then the characters a second that a mixture generates, beside those of its models, in the same run.

    python benchmarks/mixtures.py [--texts 300] [--base-minutes 1] [--minutes 0.25]
        [--only titles plays names molecules] [--data FOLDER]
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from fine_tuning import HELD_OUT, TEXTS, train
from texts import DATA

import charloom as library
from charloom.model import Model

WEIGHTS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Weights of the model of few texts."""
SPEED_TEXTS: Final = 256
REPEATS: Final = 3


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train three models; return bits by model and mixture, and speeds."""
    parts = TEXTS[name](given.data)
    for part in parts:
        random.Random(1).shuffle(part)
    (many, many_held_out), (few, few_held_out) = (
        (part[HELD_OUT:], part[:HELD_OUT]) for part in parts
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder, f"{kind}.txt") for kind in ("many", "few")}
        for path, texts in zip(paths.values(), (many, few[: given.texts]), strict=True):
            path.write_text("\n".join(texts), "utf-8")
        runs = [Path(folder, kind) for kind in ("base", "alone", "tuned")]
        train(paths["many"], runs[0], "--minutes", given.base_minutes)
        train(paths["few"], runs[1], "--minutes", given.minutes)
        train(paths["few"], runs[2], "--minutes", given.minutes, "--from", runs[0])
        base, alone, tuned = map(library.load, runs)
    mixtures = {
        f"{weight:g} few": library.mix([alone, base], [weight, 1 - weight]) for weight in WEIGHTS
    }
    models: dict[str, Model] = {"many": base, **mixtures, "few": alone, "few from many": tuned}
    bits = {
        label: [model.bits_per_character(texts) for texts in (few_held_out, many_held_out)]
        for label, model in models.items()
    }
    half = mixtures["0.5 few"]
    return {"name": name, "bits": bits, "speeds": speeds({"few": alone, "many": base, "mix": half})}


def speeds(models: dict[str, Model]) -> dict[str, float]:
    """Return the best characters a second of each model, measured in turn."""
    best = dict.fromkeys(models, 0.0)
    for _ in range(REPEATS + 1):  # the first time loads or compiles the code
        for label, model in models.items():
            start = time.perf_counter()
            texts = model.generate(n=SPEED_TEXTS, temperature=1, length=200)
            speed = sum(map(len, texts)) / (time.perf_counter() - start)
            best[label] = max(best[label], speed)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=300, help="texts of the few")
    parser.add_argument("--base-minutes", type=float, default=1)
    parser.add_argument("--minutes", type=float, default=0.25, help="of the runs on few texts")
    parser.add_argument("--only", nargs="+", choices=list(TEXTS), default=list(TEXTS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args()
    rows = []
    for name in given.only:
        row = measure(name, given)
        rows.append(row)
        print(f"{name:16} bits/char of few  of many")
        for label, (few, many) in row["bits"].items():
            print(f"  {label:14} {few:16.3f} {many:8.3f}")
        own = row["speeds"]
        both = 1 / (1 / own["few"] + 1 / own["many"])
        print(
            f"  characters a second: few {own['few']:,.0f}, many {own['many']:,.0f}, mixture "
            f"{own['mix']:,.0f}: {own['mix'] / both:.2f} of both in turn",
            flush=True,
        )
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "mixtures.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
