"""Measure whole training steps, optimizer included, beside an older charloom and PyTorch's layers.

Every figure is characters per second on minibatches of one shape, of 45 symbols from a vocabulary
of about 80. Each measurement is a separate process. In each round all programs run once, one after
the other; the best of the rounds counts. The programs:

- charloom: this checkout;
- base: the checkout given by ``--base``;
- torch: ``torch.nn.LSTM``, ``GRU`` or ``RNN`` with fused AdamW (peers/torch_steps.py).

Names of rows are cell-units-sequences-precision-optimizer; ``--rows`` takes patterns of them.

    python benchmarks/training.py --base CHECKOUT [--rounds 3] [--seconds 4] [--threads 2]
    python benchmarks/training.py --rows 'lstm-384-48-*' --only charloom torch --rounds 1

The share of the peak is that of charloom's multiply-adds in the peak of all threads (peak.py). A
step has 6 H (G + V) operations for each character, with H hidden units, G gates times H, and V
symbols: a multiplication and an addition for each weight of the recurrent and the output matrix, in
the forward pass, for the gradient of its input, and for the gradient of the weights. The input's
projection, a table of V rows in charloom, and the optimizer are not counted.
"""

import argparse
import dataclasses
import fnmatch
import itertools
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from commands import CHECKOUT, PEERS, Failed, checkout_path, program, source_path
from llvmlite import binding
from peak import bf16_peak, fp32_peak

from charloom.training.distributed.launch import SINGLE_PROCESS
from charloom.training.threads import thread_count

NETWORKS = (("lstm", 128), ("lstm", 384), ("gru", 128), ("rnn", 128))
BATCH_SIZES = (16, 48, 64)
PRECISIONS = ("fp32", "bf16")
OPTIMIZERS = ("adamw", "muon")
PROGRAMS = ("charloom", "base", "torch")
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SYMBOLS: Final = 80
SHAPE: Final = {"input": 64, "symbols": SYMBOLS, "steps": 45}
"""Values of the embedding, symbols of the text, and time steps, which are about those of titles."""
PEAK_ROUNDS: Final = 500
"""About two seconds, in which all cores are free at some time even on a busy machine."""
RESULTS = Path(__file__).with_name("results")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A network and its training."""

    cell: str
    hidden: int
    batch_size: int
    precision: str
    optimizer: str

    @property
    def name(self) -> str:
        """The name that ``--rows`` selects."""
        return "-".join(map(str, dataclasses.astuple(self)))

    @property
    def operations(self) -> int:
        """Additions and multiplications for one character of a step."""
        return 6 * self.hidden * (GATES[self.cell] * self.hidden + SYMBOLS)


Rates = dict[tuple[Row, str], float]
"""Characters per second of a row and a program."""


def all_rows() -> list[Row]:
    return [
        Row(cell=cell, hidden=hidden, batch_size=size, precision=precision, optimizer=optimizer)
        for (cell, hidden), size, precision, optimizer in itertools.product(
            NETWORKS, BATCH_SIZES, PRECISIONS, OPTIMIZERS
        )
    ]


def measure(row: Row, name: str, given: argparse.Namespace, cache: Path) -> float:
    """Return the characters per second of one program. Raises Failed."""
    environment = {"OMP_NUM_THREADS": str(given.threads), "CHARLOOM_CACHE": str(cache / name)}
    script = "torch_steps.py"
    if name != "torch":
        script = "charloom_steps.py"
        environment |= source_path(given.base if name == "base" else CHECKOUT)
    options = dataclasses.asdict(row) | SHAPE
    options |= {"seconds": given.seconds, "threads": given.threads}
    done = program(sys.executable, PEERS / script, json.dumps(options), environment=environment)
    return float(done["rate"])


def measure_all(rows: list[Row], given: argparse.Namespace) -> Rates:
    """Return the best rate of the rounds; a program that fails is left out."""
    rates: Rates = {}
    with tempfile.TemporaryDirectory() as cache:
        for row in rows:
            wanted = [name for name in given.only if name != "torch" or row.optimizer == "adamw"]
            for _, name in itertools.product(range(given.rounds), wanted):
                try:
                    rate = measure(row, name, given, Path(cache))
                except Failed as reason:
                    print(f"{row.name}: {name} is left out: {reason}", file=sys.stderr)
                    continue
                rates[row, name] = max(rate, rates.get((row, name), 0.0))
            print(line(row, rates, given.threads), file=sys.stderr, flush=True)
    return rates


def peak(precision: str, threads: int) -> float | None:
    """Return the peak of all threads in GFLOPS; None without instructions for bfloat16."""
    measure_peak = fp32_peak if precision == "fp32" else bf16_peak
    return measure_peak(threads, PEAK_ROUNDS)


HEADER = f"{'':24}{'charloom':>10}{'base':>10}{'ratio':>7}{'torch':>10}{'ratio':>7}{'of peak':>9}"


def line(row: Row, rates: Rates, threads: int) -> str:
    """Return a row of the table."""
    own = rates.get((row, "charloom"))
    words = [f"{row.name:24}", f"{own:10,.0f}" if own else f"{'':10}"]
    for name in ("base", "torch"):
        other = rates.get((row, name))
        words.append(f"{other:10,.0f}" if other else f"{'':10}")
        words.append(f"{own / other:7.2f}" if own and other else f"{'':7}")
    highest = peak(row.precision, threads)
    if own and highest:
        words.append(f"{own * row.operations / (highest * 1e9):9.1%}")
    return "".join(words)


def muon_costs(rates: Rates) -> list[str]:
    """Return how much longer a step by Muon takes than one by AdamW."""
    lines = []
    for row in dict.fromkeys(row for row, _ in rates if row.optimizer == "muon"):
        adamw = dataclasses.replace(row, optimizer="adamw")
        costs = {
            name: rates[adamw, name] / rates[row, name] - 1
            for name in ("charloom", "base")
            if (row, name) in rates and (adamw, name) in rates
        }
        if costs:
            words = "".join(f"   {name} {cost:6.1%}" for name, cost in costs.items())
            lines.append(f"{row.name:24}{words}")
    return lines


def processor() -> str:
    """Return the name of the processor, and that of its family in LLVM."""
    information = Path("/proc/cpuinfo")
    names = [
        text.partition(":")[2].strip()
        for text in (information.read_text("utf-8") if information.exists() else "").splitlines()
        if text.startswith("model name")
    ]
    return " ".join([*names[:1], f"({binding.get_host_cpu_name()})"])


def machine(threads: int) -> str:
    """Return the processor, the threads and the peaks in one line."""
    peaks = ((name, peak(name, threads)) for name in PRECISIONS)
    words = [f"{name} {value:,.0f} GFLOPS" for name, value in peaks if value]
    return f"{processor()}, {threads} threads, peak: {', '.join(words)}"


def arguments() -> tuple[argparse.Namespace, list[Row]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--base", type=Path, help="checkout of the version to compare with")
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    parser.add_argument("--rows", nargs="+", default=["*"], metavar="PATTERN")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one measurement")
    parser.add_argument("--threads", type=int, default=thread_count(SINGLE_PROCESS))
    given = parser.parse_args()
    rows = [
        row
        for row in all_rows()
        if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in given.rows)
    ]
    if not rows:
        names = ", ".join(row.name for row in all_rows()[:2])
        parser.error(f"no row matches {' '.join(given.rows)}; rows are {names} ...")
    if given.base is None:
        given.only = [name for name in given.only if name != "base"]
    else:
        given.base = checkout_path(parser, given.base)
    return given, rows


def save(rates: Rates, name: str) -> None:
    """Write the rates and the machine to a file of the folder ``results``."""
    found: list[Mapping[str, Any]] = [
        dataclasses.asdict(row) | {"program": program, "characters_per_second": rate}
        for (row, program), rate in rates.items()
    ]
    RESULTS.mkdir(exist_ok=True)
    content = json.dumps({"machine": name, "rates": found}, indent=1)
    (RESULTS / "training.json").write_text(content + "\n", "utf-8")


def main() -> None:
    given, rows = arguments()
    name = machine(given.threads)
    print(name, flush=True)
    if peak("bf16", given.threads) is None and any(row.precision == "bf16" for row in rows):
        print("bfloat16 is left out: this processor has no instructions for it")
        rows = [row for row in rows if row.precision == "fp32"]
    print(HEADER, file=sys.stderr)
    rates = measure_all(rows, given)
    print(f"\ncharacters/s, best of {given.rounds} rounds of {given.seconds:g} s\n{HEADER}")
    for row in rows:
        print(line(row, rates, given.threads))
    if costs := muon_costs(rates):
        print("\nadditional time of a step by Muon, of that by AdamW", *costs, sep="\n")
    save(rates, name)


if __name__ == "__main__":
    main()
