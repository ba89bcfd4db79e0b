"""Train models of characters and of words for the same time, and print their bits per character.

The texts are AG's titles (training on the first 7,000 without cleaning, validation on the last 600)
and WikiText-2 (training on its validation part, validation on its test part). Each run is a
``charloom train`` process with automatic settings.

    python benchmarks/levels.py [--minutes 2] [--only titles wikitext2] [--data FOLDER]
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from commands import charloom
from texts import DATA, FILES, titles

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "characters": (),
    "words": ("--level", "word"),
    "words, 20 times or more": ("--level", "word", "--min-count", "20"),
    "closed list of words": ("--level", "closed-word"),
}
TEXTS: Final = ("titles", "wikitext2")


def files(text: str, data: Path, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the source of a text and the options that name its columns and validation file."""
    if text == "titles":
        source, validation = titles(data / FILES["titles"], folder)
        return source, ("--column", "1", "--no-clean", "--valid", str(validation))
    wikitext = data / "wikitext2"
    return wikitext / "valid.txt", ("--valid", str(wikitext / "test.txt"))


def measure(text: str, choice: str, minutes: float, data: Path) -> dict[str, Any]:
    """Train once; return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        source, options = files(text, data, Path(folder))
        run = charloom(source, *options, *CHOICES[choice], "--minutes", minutes)
    plan = run.config
    return {
        "text": text,
        "choice": choice,
        "bits_per_character": run.figures["bits_per_character"],
        "symbols": plan["vocabulary_size"],
        "hidden": plan["network"]["hidden"],
        "input": plan["network"]["input"],
        "characters_per_second": run.events[-1].get("characters_per_second"),
        "seconds": run.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--only", nargs="+", choices=TEXTS, default=list(TEXTS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args()
    rows = []
    print(
        f"{'':12} {'symbols are':24} {'symbols':>8} {'hidden':>7} {'embedding':>9} {'bits/char':>9}"
    )
    for text in given.only:
        for choice in CHOICES:
            row = measure(text, choice, given.minutes, given.data)
            rows.append(row)
            print(
                f"{text:12} {choice:24} {row['symbols']:8,} {row['hidden']:7} {row['input']:>9} "
                f"{row['bits_per_character']:9.3f}",
                flush=True,
            )
    results = Path(__file__).with_name("results")
    results.mkdir(exist_ok=True)
    (results / "levels.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
