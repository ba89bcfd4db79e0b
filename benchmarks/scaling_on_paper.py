"""Compute the tables of docs/scaling.md from their formulas; paste the output into the document.

Letters: N processes, P parameters, G bytes of gradients, b bytes per second of a link, a seconds of
latency per message, F operations per second of a process, S symbols of a minibatch.

    python benchmarks/scaling_on_paper.py
"""

import math
from collections.abc import Iterator

SYMBOLS = 84
EMBEDDING = 64
HIDDEN = (128, 256, 384, 512)
LAYERS = (1, 2, 3)
PROCESSES = (8, 64, 512)
NETWORKS = {
    "Ethernet 1 Gbit/s": (1e9 / 8, 50e-6),
    "Ethernet 10 Gbit/s": (10e9 / 8, 30e-6),
    "Ethernet 25 Gbit/s": (25e9 / 8, 20e-6),
    "Ethernet 100 Gbit/s": (100e9 / 8, 10e-6),
    "InfiniBand 400 Gbit/s": (400e9 / 8, 2e-6),
    "NVLink, 450 GB/s": (450e9, 1e-6),
}
"""Bytes per second in one direction and seconds of latency between two programs: assumptions."""
SPEEDS = {"two cores": 0.26e12, "a GPU": 10e12}
"""Operations per second. Two cores: from 121,544 symbols/s of an LSTM of 256 units
(docs/experiments.md). A GPU: an assumption."""
STEP = 2048
"""Symbols of a minibatch: eight lanes of a stream, 256 symbols each."""
SHOWN = ((256, 1), (512, 3))


def parameters(hidden: int, layers: int) -> int:
    """Return P, the parameters of an LSTM with an embedding."""
    widths = [EMBEDDING] + [hidden] * (layers - 1)
    cells = sum(4 * hidden * (width + hidden + 1) for width in widths)
    return SYMBOLS * EMBEDDING + cells + (hidden + 1) * SYMBOLS


def all_reduce(size: float, processes: int, rate: float, latency: float) -> float:
    """Return the seconds of a ring all-reduce: 2 (N - 1) messages of G / N bytes in sequence."""
    return 2 * (processes - 1) * (size / processes / rate + latency)


def learning(symbols: float, count: int, speed: float) -> float:
    """Return the seconds of training: 2 P operations per symbol forward, 4 P backward."""
    return 6 * count * symbols / speed


def weak(processes: int, size: float, compute: float, rate: float, latency: float) -> float:
    """Return the efficiency of weak scaling: each process has its own minibatch."""
    return compute / (compute + all_reduce(size, processes, rate, latency))


def weak_limit(size: float, compute: float, rate: float, latency: float) -> float:
    """Return the N at which exchange is half of the time: 2 G / b + 2 N a = compute."""
    return max(0.0, (compute - 2 * size / rate) / (2 * latency))


def strong_limit(size: float, compute: float, rate: float, latency: float) -> float:
    """Return the fastest N of strong scaling, which shares one minibatch of C compute seconds.

    The time C / N + 2 G (1 - 1 / N) / b + 2 N a is least where N ** 2 = (C - 2 G / b) / (2 a).
    """
    return max(1.0, math.sqrt(max(0.0, compute - 2 * size / rate) / (2 * latency)))


def strong(processes: int, size: float, compute: float, rate: float, latency: float) -> float:
    """Return the speedup of N processes that share one minibatch."""
    return compute / (compute / processes + all_reduce(size, processes, rate, latency))


def gradients() -> Iterator[str]:
    yield "| layers | " + " | ".join(f"{hidden} units" for hidden in HIDDEN) + " |"
    yield "|---|" + "---|" * len(HIDDEN)
    for layers in LAYERS:
        counts = [parameters(hidden, layers) for hidden in HIDDEN]
        cells = [f"{count:,} = {4 * count / 1e6:.2f} MB" for count in counts]
        yield f"| {layers} | " + " | ".join(cells) + " |"


def milliseconds() -> Iterator[str]:
    names = [f"{layers} x {hidden}, {n}" for hidden, layers in SHOWN for n in PROCESSES]
    yield "| network | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for name, (rate, latency) in NETWORKS.items():
        times = [
            all_reduce(4 * parameters(hidden, layers), n, rate, latency)
            for hidden, layers in SHOWN
            for n in PROCESSES
        ]
        yield f"| {name} | " + " | ".join(f"{1000 * each:.2f}" for each in times) + " |"


def efficiencies(process: str) -> Iterator[str]:
    speed = SPEEDS[process]
    heads = [f"{layers} x {hidden}: {n}" for hidden, layers in SHOWN for n in PROCESSES]
    yield f"| {process} | " + " | ".join(heads) + " | half at (1 x 256) | half at (3 x 512) |"
    yield "|---|" + "---|" * (len(heads) + 2)
    for name, network in NETWORKS.items():
        cells, limits = [], []
        for hidden, layers in SHOWN:
            count = parameters(hidden, layers)
            compute = learning(STEP, count, speed)
            cells += [f"{weak(n, 4 * count, compute, *network):.0%}" for n in PROCESSES]
            limits.append(f"{weak_limit(4 * count, compute, *network):,.0f}")
        yield f"| {name} | " + " | ".join([*cells, *limits]) + " |"


def fastest(process: str) -> Iterator[str]:
    speed = SPEEDS[process]
    heads = [f"{layers} x {hidden}" for hidden, layers in SHOWN]
    yield f"| {process} | " + " | ".join(f"{h}: processes | times as fast" for h in heads) + " |"
    yield "|---|" + "---|" * (2 * len(heads))
    for name, network in NETWORKS.items():
        cells = []
        for hidden, layers in SHOWN:
            count = parameters(hidden, layers)
            compute = learning(STEP, count, speed)
            best = round(strong_limit(4 * count, compute, *network))
            gain = strong(best, 4 * count, compute, *network)
            cells += [f"{best}", f"{gain:.1f}"]
        yield f"| {name} | " + " | ".join(cells) + " |"


def days(process: str) -> Iterator[str]:
    """Yield the days of one pass over 10 ** 12 characters, without exchange."""
    heads = [f"{n}" for n in (1, *PROCESSES)]
    yield f"| days, {process} | " + " | ".join(heads) + " |"
    yield "|---|" + "---|" * len(heads)
    for hidden, layers in SHOWN:
        seconds = learning(1e12, parameters(hidden, layers), SPEEDS[process])
        cells = [f"{seconds / 86400 / n:,.2f}" for n in (1, *PROCESSES)]
        yield f"| {layers} x {hidden} | " + " | ".join(cells) + " |"


def tables() -> list[list[str]]:
    """Return all tables, in the order of the document."""
    made = [gradients(), milliseconds()]
    made += [efficiencies(process) for process in SPEEDS]
    made += [fastest(process) for process in SPEEDS]
    made += [days(process) for process in SPEEDS]
    return [list(lines) for lines in made]


def main() -> None:
    for lines in tables():
        print("\n".join(lines), end="\n\n")


if __name__ == "__main__":
    main()
