"""Measure scoring: speed and memory, detection of outliers, and accuracy of labels.

A model is trained on AG's news titles (the first 7,000, with their classes as labels) for some
minutes. Then

- ``charloom evaluate`` and ``charloom score`` read files with many copies of the titles: characters
  per second of the whole process, and the largest resident set, at two sizes of the file;
- the last 600 titles are compared with as many outliers of the same lengths, by the surprise of
  ``charloom score --threshold auto``: the area under the ROC curve, which is the probability that
  an outlier has a higher surprise than a title, and the fraction of lines marked;
- ``charloom score --classify`` predicts the classes of the 600 titles.

    python benchmarks/scoring.py [--minutes 1] [--data FOLDER]
"""

import argparse
import csv
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from texts import DATA

SIZES = (4, 40)
"""Copies of the titles in the timed files: 1.3 and 13 million characters."""
KEYS = string.ascii_lowercase + "     ,.;'[]/1234567890-="


def shuffled(title: str, chance: random.Random, _: str) -> str:
    return "".join(chance.sample(title, len(title)))


def reversed_(title: str, chance: random.Random, _: str) -> str:
    return title[::-1]


def chinese(title: str, chance: random.Random, other: str) -> str:
    return other[: len(title)]


def misread(title: str, chance: random.Random, other: str) -> str:
    """Return UTF-8 decoded as Latin-1."""
    return other.encode().decode("latin-1")[: len(title)]


def noise(title: str, chance: random.Random, _: str) -> str:
    return "".join(chance.choice(KEYS) for _ in title)


def swapped(title: str, chance: random.Random, _: str) -> str:
    """Swap two adjacent characters in each word of at least four."""
    words = title.split(" ")
    for index, word in enumerate(words):
        if len(word) > 3:
            k = chance.randrange(len(word) - 1)
            words[index] = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
    return " ".join(words)


STRANGE: dict[str, Callable[[str, random.Random, str], str]] = {
    "characters shuffled": shuffled,
    "reversed": reversed_,
    "Chinese headlines": chinese,
    "the same, read as Latin-1": misread,
    "keys at random": noise,
    "two letters swapped a word": swapped,
}


def run(*words: object) -> str:
    """Run a charloom command; return its output."""
    command = [sys.executable, "-m", "charloom", *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


def learn(data: Path, folder: Path, minutes: float) -> tuple[Path, list[str], list[str]]:
    """Train a model; return its folder, the held-out titles and their classes."""
    with (data / "ag_news" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = [row[:2] for row in csv.reader(file)]
    with (folder / "titles.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows[:7000])
    table = ("--column", 2, "--label-column", 1, "--no-clean", "--hidden", 128)
    run("train", folder / "titles.csv", *table, "--minutes", minutes, "-o", folder / "run")
    titles = [title.strip() for _, title in rows]
    (folder / "all.txt").write_text("\n".join(titles) + "\n", "utf-8")
    return folder / "run", titles[-600:], [kind for kind, _ in rows[-600:]]


def speed(model: Path, folder: Path) -> None:
    """Print characters per second and memory at two sizes."""
    text = (folder / "all.txt").read_text("utf-8")
    print(f"\n{'':12} {'characters':>12} {'seconds':>8} {'per second':>10} {'resident':>9}")
    for times in SIZES:
        (folder / "large.txt").write_text(text * times, "utf-8")
        for command in ("evaluate", "score"):
            began = time.perf_counter()
            with (folder / "out").open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", "charloom", command, model, folder / "large.txt"],
                    stdout=out,
                )
                _, status, usage = _wait(process)
            seconds = time.perf_counter() - began
            assert status == 0, f"charloom {command} failed"
            print(
                f"{command:12} {len(text) * times:12,} {seconds:8.1f} "
                f"{len(text) * times / seconds:10,.0f} {usage / 1e6:6.0f} MB"
            )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, float]:
    """Wait for a process; return its id, its status and its largest resident set in bytes."""
    number, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return number, status, usage.ru_maxrss * 1024.0


def scores(model: Path, folder: Path, lines: Sequence[str]) -> tuple[list[float], float]:
    """Return the surprise of each line and the fraction marked."""
    path = folder / "lines.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    out = run("score", model, path, "--threshold", "auto", "--format", "jsonl")
    # Not splitlines, which also splits at other characters.
    records = [json.loads(line) for line in out.split("\n")[:-1]]
    return [one["surprise"] for one in records], float(np.mean([r["outlier"] for r in records]))


def area(usual: Sequence[float], strange: Sequence[float]) -> float:
    """Return the area under the ROC curve: P(strange > usual) + P(strange = usual) / 2."""
    low, high = np.sort(usual), np.asarray(strange)
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low)))


def outliers(model: Path, folder: Path, titles: Sequence[str], data: Path) -> None:
    """Print how well each kind of outlier is detected."""
    with (data / "chinese_headlines.csv").open(encoding="utf-8", newline="") as file:
        others = [row["text"] for row in csv.DictReader(file)]
    usual, marked = scores(model, folder, titles)
    print(f"\n{'':28} {'ROC-AUC':>8} {'marked':>8}")
    print(f"{'held-out titles':28} {'':8} {marked:8.1%}")
    for name, make in STRANGE.items():
        chance = random.Random(0)
        made = [make(t, chance, other) for t, other in zip(titles, others, strict=False)]
        strange, marked = scores(model, folder, made)
        print(f"{name:28} {area(usual, strange):8.4f} {marked:8.1%}")


def labels(model: Path, folder: Path, titles: Sequence[str], kinds: Sequence[str]) -> None:
    """Print how often the predicted class is correct."""
    (folder / "lines.txt").write_text("\n".join(titles) + "\n", "utf-8")
    out = run("score", model, folder / "lines.txt", "--classify", "--format", "jsonl")
    predicted = [json.loads(line)["label"] for line in out.split("\n")[:-1]]
    right = np.mean([one == other for one, other in zip(predicted, kinds, strict=True)])
    print(f"\ncorrect classes: {right:.1%} of {len(kinds)}; 25 % by chance")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=1, help="minutes of training")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the texts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, titles, kinds = learn(given.data, folder, given.minutes)
        outliers(model, folder, titles, given.data)
        labels(model, folder, titles, kinds)
        speed(model, folder)


if __name__ == "__main__":
    main()
