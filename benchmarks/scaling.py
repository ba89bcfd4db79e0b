"""Compare several processes with one on the cores of one machine, and measure the exchange.

Each set-up trains on the corpus of facts for some seconds, in turn, in separate processes of one or
two threads each. The figure is the median of the running average of characters per second, best of
the rounds. Strong scaling: one minibatch of 32 texts for all processes. Weak scaling: 32 texts for
each process. Run it on idle cores.

    python benchmarks/scaling.py [--seconds 10] [--rounds 3]
    python benchmarks/scaling.py --exchange   our message against DistributedDataParallel
    python benchmarks/scaling.py --making     the time to make a minibatch, which no process saves
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES: list[dict[str, int]] = [
    {"hidden": 128, "input": 32},
    {"hidden": 256},
    {"hidden": 512},
    {"hidden": 512, "layers": 2},
]
TEXTS = 32
FIXED: dict[str, int | float | str] = {
    "layers": 1,
    "input": 64,
    "dropout": 0.1,
    "window": 128,
    "learning_rate": 6e-3,
    "device": "cpu",
    "precision": "fp32",
}
"""Settings that would otherwise be chosen for the machine."""
PROGRAM = """
import json, statistics, sys
import charloom
from charloom.events import Step

events, given = [], json.loads(sys.argv[1])
charloom.train("facts", listeners=[events.append], progress=False, **given)
steps = [event for event in events if isinstance(event, Step)]
print(statistics.median(step.characters_per_second for step in steps[len(steps) // 4 :]))
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def run(arguments: list[str], processes: int, threads: int) -> str:
    """Run a command in ``processes`` processes; return the output of rank 0."""
    port = str(free_port())
    marks = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    # A process that is alone on its host keeps OMP_NUM_THREADS.
    marks |= {"LOCAL_WORLD_SIZE": "1", "OMP_NUM_THREADS": str(threads)}
    jobs = [
        subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | marks | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(processes)
    ]
    outputs = [job.communicate()[0] for job in jobs]
    if any(job.returncode for job in jobs):
        raise SystemExit(f"a process failed; exit codes: {[job.returncode for job in jobs]}")
    return outputs[0]


def rate(processes: int, threads: int, texts: int, seconds: float, shape: dict[str, int]) -> float:
    given = {**FIXED, **shape, "minutes": seconds / 60, "batch_size": texts}
    return float(run(["-c", PROGRAM, json.dumps(given)], processes, threads))


def scale(seconds: float, rounds: int) -> None:
    columns = ("1 x 1 thread", "1 x 2 threads", "2 x 1 thread", "2 x 1, 64 texts")
    setups = ((1, 1, TEXTS), (1, 2, TEXTS), (2, 1, TEXTS), (2, 1, 2 * TEXTS))
    print("| LSTM |", " | ".join(columns), "| threads | processes, strong | weak |")
    print("|---|" + "---|" * 7)
    for shape in SHAPES:
        best = [0.0] * len(setups)
        for _ in range(rounds):
            for k, setup in enumerate(setups):
                best[k] = max(best[k], rate(*setup, seconds, shape))
        one, *others = best
        rates = " | ".join(f"{each:,.0f}" for each in best)
        ratios = " | ".join(f"{each / one:.2f}" for each in others)
        name = f"{shape.get('layers', 1)} x {shape['hidden']}"
        print(f"| {name} | {rates} | {ratios} |", flush=True)


def exchange() -> None:
    """Compare both exchanges for each shape, in two processes of one thread each."""
    print("| LSTM | no exchange, ms a step | one message | DistributedDataParallel |")
    print("|---|---|---|---|")
    for shape in SHAPES:
        arguments = [__file__, "--exchange-worker", json.dumps(shape)]
        none, ours, theirs = json.loads(run(arguments, 2, 1))
        name = f"{shape.get('layers', 1)} x {shape['hidden']}"
        print(f"| {name} | {none:.2f} | {ours:.2f} | {theirs:.2f} |", flush=True)


def exchange_worker(shape: dict[str, int], steps: int = 20, rounds: int = 8) -> None:
    """Print milliseconds per step without exchange, with ours, and with DDP: medians."""
    import torch
    from torch import Tensor, nn
    from torch.nn.parallel import DistributedDataParallel

    from charloom.network.autograd.module import Network
    from charloom.settings import NetworkSettings
    from charloom.training.distributed.launch import process_info_from_torchrun
    from charloom.training.distributed.torch_collectives import init_process_group

    class Loss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            settings = NetworkSettings(
                hidden=shape["hidden"],
                layers=shape.get("layers", 1),
                input=shape.get("input", 64),
                dropout=0.0,
            )
            self.network = Network(settings, 84)

        def forward(self, ids_TB: Tensor) -> Tensor:
            state = self.network.initial_state(torch.full((ids_TB.shape[1],), -1))
            hidden_TBH, _ = self.network(ids_TB[:-1], state)
            logits = self.network.logits(hidden_TBH).flatten(0, 1)
            return nn.functional.cross_entropy(logits, ids_TB[1:].flatten())

        def all_reduce_gradients(
            self, reduce: Callable[[Any], None], numbers: NDArray[np.float32]
        ) -> NDArray[np.float32]:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            message = torch.cat([*(g.flatten() for g in gradients), torch.from_numpy(numbers)])
            reduce(message)
            sums = message.split([*(g.numel() for g in gradients), len(numbers)])
            for gradient, total in zip(gradients, sums, strict=False):
                gradient.copy_(total.view_as(gradient))
            totals: NDArray[np.float32] = sums[-1].numpy()
            return totals

    with init_process_group(process_info_from_torchrun()) as ranks:
        ranks.connect("cpu")
        torch.manual_seed(0)
        ids_TB = torch.randint(84, (45, TEXTS // 2))
        loss = Loss()
        parameters = list(loss.parameters())
        wrapped = DistributedDataParallel(loss)

        def alone() -> None:
            for parameter, gradient in zip(
                parameters, torch.autograd.grad(loss(ids_TB), parameters), strict=True
            ):
                parameter.grad = gradient

        def ours() -> None:
            alone()
            ranks.all_reduce_gradients(loss, [1.0, 2.0, 0.0, 0.0, 0.0], "")

        def theirs() -> None:
            for parameter in parameters:
                parameter.grad = None
            wrapped(ids_TB).backward()

        ways = (alone, ours, theirs)
        times: list[list[float]] = [[] for _ in ways]
        for _ in range(rounds):
            for way, taken in zip(ways, times, strict=True):
                taken.append(timed(way, steps))
        ranks.finish()
    if ranks.is_main:
        print(json.dumps([statistics.median(taken[1:]) for taken in times]))


def timed(way: Callable[[], None], steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        way()
    return 1000 * (time.perf_counter() - began) / steps


def making() -> None:
    """Print nanoseconds per symbol to make the minibatches of an epoch."""
    from charloom.data.corpus import build_corpus
    from charloom.data.sources import resolve_sources
    from charloom.data.store import open_store
    from charloom.settings import TextSettings, Unit
    from charloom.training.batches import DocumentBatches, StreamBatches

    ways: list[tuple[Unit, int, int]] = [("line", TEXTS, 128), ("stream", 8, 256)]
    for unit, texts, window in ways:
        settings = TextSettings(unit=unit)
        part = build_corpus(
            open_store(resolve_sources(["facts"], settings), settings), settings, seed=0
        ).training
        batches: DocumentBatches | StreamBatches = (
            DocumentBatches(dataset=part, batch_size=texts, window=window, seed=0)
            if unit == "line"
            else StreamBatches(dataset=part, batch_size=texts, window=window, seed=0)
        )
        taken = []
        for epoch in range(1, 6):
            began = time.perf_counter()
            symbols = sum(batch.symbols for batch in batches.epoch(epoch))
            taken.append((time.perf_counter() - began) / symbols)
        print(f"{unit}: {1e9 * min(taken):.0f} ns a symbol")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exchange", action="store_true")
    parser.add_argument("--making", action="store_true")
    parser.add_argument("--exchange-worker", metavar="SHAPE")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        if given.exchange_worker:
            exchange_worker(json.loads(given.exchange_worker))
        elif given.exchange:
            exchange()
        elif given.making:
            making()
        else:
            scale(given.seconds, given.rounds)


if __name__ == "__main__":
    main()
