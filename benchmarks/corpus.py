"""Measure a large corpus: encoding speed, and memory of everything up to training.

    python benchmarks/corpus.py --megabytes 2000
    python benchmarks/corpus.py --megabytes 2000 --unit stream

Generates a synthetic corpus from a seed: words with frequencies after Zipf, some of them not ASCII,
in lines about as long as titles. Each measurement runs in a separate process: encoding into an
empty cache, the split, batches, and ``charloom train --steps 20``, twice. The peak of the resident
set is reported by the operating system and includes pages of mapped files.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WORDS = 50_000
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
OTHERS = "éüßñčж日’—"
LINES = 1 << 16


def vocabulary(rng: np.random.Generator) -> list[str]:
    """Return words of 1 to 10 letters; one word in forty has a letter that is not ASCII."""
    odds = 1 / np.arange(2, len(LETTERS) + 2)
    words = []
    for number in range(WORDS):
        letters = rng.choice(list(LETTERS), size=rng.integers(1, 11), p=odds / odds.sum())
        word = "".join(letters)
        words.append(word[:-1] + str(rng.choice(list(OTHERS))) if number % 40 == 39 else word)
    return words


def make(path: Path, size: int, seed: int = 0) -> None:
    """Write lines of 4 to 9 words until the file has ``size`` bytes."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(rng), dtype=object)
    chances = np.cumsum(1 / np.arange(1, WORDS + 1))
    with path.open("wb") as file:
        while file.tell() < size:
            counts = rng.integers(4, 10, size=LINES)
            drawn = np.searchsorted(chances, rng.random(int(counts.sum())) * chances[-1])
            chosen, stops = words[drawn].tolist(), np.cumsum(counts).tolist()
            starts = [0, *stops[:-1]]
            lines = [" ".join(chosen[a:b]) for a, b in zip(starts, stops, strict=True)]
            file.write(("\n".join(lines) + "\n").encode())


def peak() -> int:
    """Return the largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(what: str, path: Path, unit: str, level: str) -> dict[str, Any]:
    """Run one measurement in this process."""
    from charloom.data.corpus import build_corpus
    from charloom.data.sources import resolve_sources
    from charloom.data.store import open_store
    from charloom.settings import TextSettings

    settings = TextSettings(unit=unit, level=level)  # type: ignore[arg-type]
    wall, processor = time.perf_counter(), time.process_time()
    store = open_store(resolve_sources([str(path)], settings), settings)
    figures: dict[str, Any] = {"documents": len(store.hashes), "symbols": len(store.ids)}
    if what == "build":
        figures["opened"] = time.perf_counter() - wall
        wall, processor = time.perf_counter(), time.process_time()
        build_corpus(store, settings, seed=0)
    elif what == "first step":
        figures |= first_step(path, unit, level)
    elif what == "batches":
        figures |= batches(build_corpus(store, settings, seed=0), unit)
    figures |= {
        "seconds": time.perf_counter() - wall,
        "processor seconds": time.process_time() - processor,
        "peak MB": peak(),
    }
    if what == "encode":
        megabytes = path.stat().st_size / 1e6
        figures["MB/s"] = megabytes / figures["seconds"]
        figures["MB/s of a core"] = megabytes / figures["processor seconds"]
    return figures


def first_step(path: Path, unit: Any, level: Any) -> dict[str, Any]:
    """Measure the seconds from the call of ``train`` to the end of its first step."""
    import charloom

    began, seen = time.perf_counter(), []
    listeners = [lambda event: seen.append(time.perf_counter() - began)]
    charloom.train(
        path, unit=unit, level=level, steps=1, hidden=128, listeners=listeners, progress=False
    )
    return {"seconds to the first step": seen[0]}


def batches(corpus: Any, unit: str) -> dict[str, Any]:
    """Measure the time of training batches, and of the first batch of an epoch."""
    from charloom.training.batches import DocumentBatches, StreamBatches

    kind = StreamBatches if unit == "stream" else DocumentBatches
    source = kind(dataset=corpus.training, batch_size=32, window=256, seed=0)
    figures: dict[str, Any] = {"before batches MB": peak()}
    for epoch, skip in ((1, 0), (2, 1000)):
        began = time.perf_counter()
        reader = source.epoch(epoch, skip)
        next(reader)
        figures[f"first batch after {skip}, ms"] = 1000 * (time.perf_counter() - began)
        processor = time.process_time()
        count = sum(1 for _, _ in zip(range(20_000), reader, strict=False))
        figures[f"ms a batch of the {count} after"] = (
            1000 * (time.process_time() - processor) / max(count, 1)
        )
    return figures


def train(path: Path, unit: str, level: str, output: Path) -> dict[str, Any]:
    """Train 20 steps by the command; return seconds and peak memory."""
    command = [sys.executable, "-m", "charloom", "train", str(path), "-o", str(output), "--force"]
    command += ["--unit", unit, "--level", level, "--steps", "20", "--hidden", "128"]
    began = time.perf_counter()
    with (output.parent / "train.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    events = (output / "metrics.jsonl").read_text("utf-8").splitlines()
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "seconds": time.perf_counter() - began,
        "seconds of training": json.loads(events[-1])["seconds"],
        "peak MB": usage.ru_maxrss // 1024,
        "model MB": sum(file.stat().st_size for file in output.iterdir()) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--unit", default="line", choices=["line", "stream"])
    parser.add_argument("--level", default="char", choices=["char", "byte"])
    parser.add_argument(
        "--folder", type=Path, help="parent of the working folder; the system's by default"
    )
    parser.add_argument("--do", nargs=2, metavar=("WHAT", "PATH"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        print(json.dumps(measure(given.do[0], Path(given.do[1]), given.unit, given.level)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        path = folder / "corpus.txt"
        make(path, given.megabytes * 1_000_000)
        print(f"{path.stat().st_size / 1e6:,.0f} MB, unit {given.unit}, level {given.level}")
        os.environ["CHARLOOM_CACHE"] = str(folder / "cache")
        own = [sys.executable, __file__, "--unit", given.unit, "--level", given.level, "--do"]
        for what in ("encode", "build", "first step", "batches"):
            done = subprocess.run([*own, what, str(path)], check=True, stdout=subprocess.PIPE)
            show(what, json.loads(done.stdout))
        for again in ("train", "train again"):
            show(again, train(path, given.unit, given.level, folder / "model"))


def show(name: str, figures: dict[str, Any]) -> None:
    parts = [f"{k} {v:,.2f}" if isinstance(v, float) else f"{k} {v:,}" for k, v in figures.items()]
    print(f"{name}: {', '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
