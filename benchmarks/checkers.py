"""Train on made molecules with a checker; compare the two ways to keep weights.

The checker is docs/check_molecule.py, as a command. For each number of training texts, two runs of
the same steps differ in --keep-best alone. Prints the accepted share at the last validation, and
of each kept model bits per character, and accepted, unique and novel samples at temperature 1.

    python benchmarks/checkers.py [--texts 500 2000 8000] [--epochs 12] [--samples 2000]
"""

import argparse
import json
import random
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from commands import CHECKOUT, charloom

import charloom as library

sys.path.append(str(CHECKOUT / "docs"))
from check_molecule import is_well_formed
from example_texts import molecule


def measure(texts: list[str], keep: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train one model; return the figures of the weights that were kept."""
    command = shlex.join([sys.executable, str(CHECKOUT / "docs" / "check_molecule.py")])
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "molecules.txt"), Path(folder, "run")
        source.write_text("\n".join(texts), "utf-8")
        budget = ("--epochs", given.epochs, "--hidden", 128, "--checked-texts", 500)
        checks = ("--checker", command, "--keep-best", keep)
        run = charloom(source, *budget, *checks, keep=output)
        model = library.load(output)
    known = set(texts)
    samples = model.generate(n=given.samples, temperature=1, length=300, seed=1)
    accepted = [sample for sample in samples if is_well_formed(sample)]
    return {
        "texts": len(texts),
        "keep": keep,
        "last": [event for event in run.events if event["event"] == "validation"][-1]["accepted"],
        "bits": model.record.metrics["bits_per_character"],
        "epoch": model.record.metrics["epoch"],
        "accepted": len(accepted) / len(samples),
        "unique": len(set(accepted)) / len(accepted),
        "novel": len(set(accepted) - known) / len(set(accepted)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--samples", type=int, default=2000, help="texts of each kept model")
    given = parser.parse_args()
    chance = random.Random(0)
    strings = list(dict.fromkeys(molecule(chance) for _ in range(30_000)))
    columns = ("texts", "keep", "epoch", "bits", "last", "accepted", "unique", "novel")
    print(" ".join(f"{name:>9}" for name in columns))
    rows = []
    for count in given.texts:
        for keep in ("loss", "accepted"):
            row = measure(strings[:count], keep, given)
            rows.append(row)
            cells = (
                f"{row[name]:.3f}" if isinstance(row[name], float) else row[name]
                for name in columns
            )
            print(" ".join(f"{cell:>9}" for cell in cells), flush=True)
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "checkers.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
