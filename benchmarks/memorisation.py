"""Measure the search for copies of a training text: time, memory, and planted copies found.

    python benchmarks/memorisation.py
    python benchmarks/memorisation.py --training a.txt --samples b.txt --held-out c.txt

Without files, texts are generated from a seed: documents of words with frequencies after Zipf, and
samples of the same words, half of which contain a span of a document. A planted span counts as
found if the longest copied span of its sample is not shorter, and the named document contains it at
the named position. Files have one text per line. The peak of the resident set is that of the whole
process, including the texts.
"""

import argparse
import json
import random
import resource
import time
from pathlib import Path

from charloom.evaluation.memorisation import OverlapFigures, measure_memorisation

ALPHABET = "etaoinshrdlucmfwypvbgkjqxzéü日本語"


def words(rng: random.Random, count: int = 20_000) -> tuple[list[str], list[float]]:
    """Return words and their cumulative frequencies."""
    made = ["".join(rng.choices(ALPHABET, k=rng.randint(1, 10))) for _ in range(count)]
    chances, total = [], 0.0
    for rank in range(1, count + 1):
        total += 1 / rank
        chances.append(total)
    return made, chances


def make(characters: int, samples: int, rng: random.Random) -> tuple[list[str], ...]:
    """Return documents, samples, held-out texts, and the span planted in each sample, or ""."""
    vocabulary, chances = words(rng)

    def text(low: int, high: int) -> str:
        drawn = rng.choices(vocabulary, cum_weights=chances, k=high // 2)
        return " ".join(drawn)[: rng.randint(low, high)]

    documents, size = [], 0
    while size < characters:
        documents.append(text(20, 2000))
        size += len(documents[-1])
    made, planted = [], []
    for number in range(samples):
        whole, span = text(100, 500), ""
        if number % 2:
            document = rng.choice(documents)
            start = rng.randrange(len(document))
            span = document[start : start + rng.randint(10, 90)]
            cut = rng.randint(0, len(whole) - len(span)) if len(whole) > len(span) else 0
            whole = whole[:cut] + span + whole[cut + len(span) :]
        made.append(whole)
        planted.append(span)
    return documents, made, [text(100, 500) for _ in range(samples)], planted


def found(result: OverlapFigures, planted: list[str], documents: list[str]) -> int:
    """Count the planted spans whose sample has a copied span that is real and not shorter."""
    return sum(
        bool(span)
        and copy is not None
        and copy.characters >= len(span)
        and documents[copy.document].startswith(copy.text, copy.place)
        for span, copy in zip(planted, result.spans, strict=True)
    )


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def peak() -> int:
    """Return the largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--characters", type=int, default=10_000_000, help="of the training text")
    parser.add_argument("--count", type=int, default=1000, help="samples to generate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", type=Path, help="file of documents, with --samples")
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--held-out", type=Path)
    given = parser.parse_args()
    planted: list[str] = []
    held_out: list[str] | None = None
    if given.training:
        documents, samples = lines(given.training), lines(given.samples)
        held_out = lines(given.held_out) if given.held_out else None
    else:
        rng = random.Random(given.seed)
        documents, samples, held_out, planted = make(given.characters, given.count, rng)
    print(f"{len(documents):,} documents of {sum(map(len, documents)):,} characters")
    print(f"{len(samples):,} samples of {sum(map(len, samples)):,} characters")
    before, wall, processor = peak(), time.perf_counter(), time.process_time()
    result = measure_memorisation(documents=documents, samples=samples, held_out=held_out)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{wall:.2f} seconds, {processor:.2f} of a processor, including compilation by Numba")
    print(f"{peak()} MB at most, {before} MB before the search")
    if planted:
        copies = found(result.samples, planted, documents)
        print(f"{copies} of {sum(map(bool, planted))} planted copies found")
    figures = {"samples": result.samples.figures(), "difference": result.difference()}
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
