"""Compare data-parallel shards, one per thread, with one shard on all threads.

Each set-up trains on the corpus of facts for some seconds, in a separate process, in turn: alone,
then beside another program that computes without end. Prints the best of the rounds, in characters
per second.

    python benchmarks/parts.py [--seconds 8] [--rounds 2]
"""

import argparse
import json
import multiprocessing
import subprocess
import sys

SHAPES = [{"hidden": 128, "input": 32}, {"hidden": 256}, {"hidden": 384}]
WHOLE = 10**9
"""Minimum of sequences per shard with which there is only one shard."""

PROGRAM = """
import json, sys
import charloom
from charloom.events import Step
from charloom.training import data_parallel

data_parallel.MIN_SHARD_SEQUENCES = int(sys.argv[1]) or data_parallel.MIN_SHARD_SEQUENCES
events, minutes, shape = [], float(sys.argv[2]) / 60, json.loads(sys.argv[3])
charloom.train("facts", minutes=minutes, listeners=[events.append], **shape)
steps = [event for event in events if isinstance(event, Step)]
print(max(step.characters_per_second for step in steps[20:]))
"""


def busy() -> None:
    while True:
        pass


def rate(least: int, seconds: float, shape: dict[str, int]) -> float:
    command = [sys.executable, "-c", PROGRAM, str(least), str(seconds), json.dumps(shape)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    print(f"{'':8} {'hidden':>6} {'one shard':>9} {'shards':>9} {'ratio':>6}   (characters/s)")
    for beside in (False, True):
        other = multiprocessing.Process(target=busy, daemon=True)
        if beside:
            other.start()
        for shape in SHAPES:
            pairs = [
                (rate(WHOLE, given.seconds, shape), rate(0, given.seconds, shape))
                for _ in range(given.rounds)
            ]
            whole, parts = (max(each) for each in zip(*pairs, strict=True))
            print(
                f"{'beside' if beside else 'alone':8} {shape['hidden']:>6} {whole:9,.0f} "
                f"{parts:9,.0f} {parts / whole:6.2f}",
                flush=True,
            )
        if beside:
            other.terminate()


if __name__ == "__main__":
    main()
