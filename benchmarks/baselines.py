"""Measure bits, time and memory of the baselines, each in a separate process.

    python benchmarks/baselines.py [--level word] [--megabytes 11]

The texts are those of quality.py, with the plays as one document, and a synthetic text (see
corpus.py) whose last eleventh is the test text. Prints bits per character, processor seconds, and
the peak of the resident set beside its peak before (documents and libraries), in MB.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from corpus import make, peak
from texts import CUTS, DATA, FILES, Files

from charloom.data.sources import read_documents, resolve_sources
from charloom.evaluation.baselines import concatenate, uniform_nats, unigram_nats
from charloom.evaluation.compressors import xz_bits, zstd_bits
from charloom.evaluation.ngram import surprisals
from charloom.evaluation.targets import Targets
from charloom.settings import Level, TextSettings, Unit
from charloom.text.symbols import iter_symbols
from charloom.text.vocabulary import Vocabulary
from charloom.units import NATS_PER_BIT, bits_per_character

PREDICTORS: Mapping[str, Callable[[Targets, Targets, int], float]] = {
    "uniform": lambda training, test, size: uniform_nats(test, size),
    "unigram": unigram_nats,
    "n-gram": lambda training, test, size: float(surprisals(training, test, size).sum()),
}
COMPRESSORS = {"xz": xz_bits, "zstd": zstd_bits}


def documents(path: Path, level: Level) -> list[str]:
    """Read documents as charloom does; the plays are one document."""
    unit: Unit = "document" if path.parent.name == "tinyshakespeare" else "line"
    is_table = path.suffix == ".csv"
    settings = TextSettings(level=level, unit=unit, columns=("1",) if is_table else ())
    return [
        document.text
        for document in read_documents(resolve_sources([str(path)], settings), settings)
    ]


def measure(name: str, files: Files, level: Level) -> dict[str, float]:
    """Measure one baseline in this process."""
    training, test = (documents(path, level) for path in files)
    characters = len(concatenate(test))
    if name in COMPRESSORS:
        packed = concatenate(training).encode(), concatenate(test).encode()
        before, began = peak(), time.process_time()
        nats = COMPRESSORS[name](*packed) * NATS_PER_BIT
    else:
        counts = Counter(
            itertools.chain.from_iterable(iter_symbols(text, level) for text in training)
        )
        vocabulary = Vocabulary.from_counts(level, [*counts], [*counts.values()], 1, len(training))
        known, wanted = (
            Targets.from_documents(map(vocabulary.encode, part)) for part in (training, test)
        )
        before, began = peak(), time.process_time()
        nats = PREDICTORS[name](known, wanted, len(vocabulary))
    return {
        "bits": bits_per_character(nats, characters),
        "seconds": time.process_time() - began,
        "before": before,
        "peak": peak(),
    }


def made(folder: Path, megabytes: int) -> Files:
    """Write a synthetic text; return files of its first ten elevenths and of the rest."""
    whole, paths = folder / "whole.txt", (folder / "training.txt", folder / "test.txt")
    make(whole, megabytes * 1_000_000)
    lines = whole.read_text("utf-8").splitlines(keepends=True)
    cut = len(lines) * 10 // 11
    for path, part in zip(paths, (lines[:cut], lines[cut:]), strict=True):
        path.write_text("".join(part), "utf-8")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--level", default="char", choices=get_args(Level))
    parser.add_argument("--megabytes", type=int, default=11, help="size of the synthetic text")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--do", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        name, training, test = given.do
        print(json.dumps(measure(name, (Path(training), Path(test)), given.level)))
        return
    print(f"{'text':16} {'baseline':8} {'bits/char':>9} {'seconds':>8} {'MB':>6} {'before':>6}")
    with tempfile.TemporaryDirectory() as temporary:
        for text in (*CUTS, "made"):
            folder = Path(temporary, text)
            folder.mkdir()
            if text == "made":
                files = made(folder, given.megabytes)
            else:
                files = CUTS[text](given.data / FILES[text], folder)
            for name in (*PREDICTORS, *COMPRESSORS):
                command = [sys.executable, __file__, "--level", given.level, "--do", name, *files]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
                row = json.loads(done.stdout)
                print(
                    f"{text:16} {name:8} {row['bits']:9.4f} {row['seconds']:8.2f} "
                    f"{row['peak']:6,} {row['before']:6,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
