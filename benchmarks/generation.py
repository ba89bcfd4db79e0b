"""Measure generation speed: one text and many, beside a plain C loop compiled in the same run.

Random weights, 84 symbols, temperature 0.8, texts without end. All figures are measured through
``Generator.generate``, so they include sampling and decoding of symbols to text. Each is the best
of several runs, since other programs may slow down the machine; the runs that are compared
alternate. "bf16" is the same network with weights rounded to bfloat16.

Also measures the cost of sampling options and of forbidden strings, the start of a process, and the
memory of a long text.

    python benchmarks/generation.py [--seconds 1] [--compiler gcc] [--long 10000000]
        [--only networks options forbid processes]
"""

import argparse
import ctypes
import dataclasses
import functools
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from charloom.generation.generator import Generator
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.weights import narrow, widen
from charloom.model_folder.writer import create_model_folder
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings, SamplingSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

PEER = Path(__file__).with_name("peers") / "lstm.c"
SYMBOLS = 84
PARTS = ("networks", "options", "forbid", "processes")
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
KINDS = [
    NetworkSettings(cell="lstm", hidden=128, input="one-hot"),
    NetworkSettings(cell="lstm", hidden=256, input="one-hot"),
    NetworkSettings(cell="lstm", hidden=384, input="one-hot"),
    NetworkSettings(cell="lstm", hidden=512, input="one-hot"),
    NetworkSettings(cell="lstm", hidden=128, layers=2, input="one-hot"),
    NetworkSettings(cell="lstm", hidden=128, layers=3, input="one-hot"),
    NetworkSettings(cell="gru", hidden=128, input="one-hot"),
    NetworkSettings(cell="rnn", hidden=128, input="one-hot"),
]


def tensors(
    settings: NetworkSettings, symbols: int = SYMBOLS
) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Return random weights under which a text never ends."""
    chance, hidden = np.random.default_rng(0), settings.hidden
    gates = GATES[settings.cell] * hidden
    shapes: dict[str, tuple[int, ...]] = {"cells.0.input_table": (symbols, gates)}
    for k in range(settings.layers):
        shapes[f"cells.{k}.recurrent_weight"] = (gates, hidden)
        shapes[f"cells.{k}.bias"] = (gates,)
        if k:
            shapes[f"cells.{k}.input_weight"] = (gates, hidden)
        if settings.cell == "gru":
            shapes[f"cells.{k}.recurrent_bias"] = (hidden,)
    shapes |= {"output.weight": (symbols, hidden), "output.bias": (symbols,)}
    made = {
        name: chance.normal(0, 1 / np.sqrt(hidden), shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    made["output.bias"][0] = -1000
    return made


def vocabulary() -> Vocabulary:
    letters = [chr(code) for code in range(0x20, 0x20 + SYMBOLS - 2)]  # one byte each
    return Vocabulary.from_counts("char", letters, [9] * len(letters), 1, 9)


Run = Callable[[int], object]
"""Generates a number of symbols."""


def rates(runs: Sequence[Run], seconds: float) -> list[float]:
    """Return symbols per second of each: the best of five runs of at least ``seconds`` / 10."""
    lengths, best = list[int](), list[float]()
    for run in runs:
        length, spent = 200, 0.0
        run(length)
        while spent < seconds / 10:
            length *= 2
            began = time.perf_counter()
            run(length)
            spent = time.perf_counter() - began
        lengths.append(length)
        best.append(length / spent)
    for _ in range(4):
        for k, run in enumerate(runs):
            began = time.perf_counter()
            run(lengths[k])
            best[k] = max(best[k], lengths[k] / (time.perf_counter() - began))
    return best


def rate(run: Run, seconds: float) -> float:
    """Return symbols per second of one of ``rates``."""
    return rates([run], seconds)[0]


def compile_peer(compiler: str, folder: Path) -> ctypes.CDLL | None:
    if shutil.which(compiler) is None:
        return None
    target = folder / "lstm.so"
    flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(PEER), "-o", str(target), "-lm"], check=True)
    library = ctypes.CDLL(str(target))
    library.read_floats.restype = ctypes.c_float
    return library


def pointer(array: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def peer_run(library: ctypes.CDLL, settings: NetworkSettings) -> Run:
    """Return the C loop with the same weights."""
    weights, hidden = Engine(settings, tensors(settings)).weights, settings.hidden
    state = np.zeros((2, hidden), np.float32)
    scratch = np.zeros(4 * hidden + SYMBOLS, np.float32)

    def run(length: int) -> None:
        drawn = np.empty(length, np.int32)
        library.lstm(
            hidden,
            SYMBOLS,
            pointer(weights.table_VG),
            pointer(weights.recurrent_LHG),
            pointer(weights.output_HV),
            pointer(weights.output_bias_V),
            ctypes.c_float(0.8),
            ctypes.c_uint64(1),
            pointer(state[0]),
            pointer(state[1]),
            pointer(scratch),
            0,
            length,
            pointer(drawn),
        )

    return run


def bandwidth(library: ctypes.CDLL, size: int) -> float:
    """Return the bytes per second at which one thread reads ``size`` bytes again and again."""
    values = np.ones(size // 4, np.float32)
    times = max(1, int(2e8 / size))
    library.read_floats(pointer(values), ctypes.c_int64(len(values)), 1)
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        library.read_floats(pointer(values), ctypes.c_int64(len(values)), times)
        best = max(best, size * times / (time.perf_counter() - began))
    return best


def text_run(engine: Engine, texts: int = 1) -> Run:
    """Return the generation of some texts, with compiled code that is loaded already."""
    generator = Generator(engine, vocabulary())
    generator.generate("", SamplingSettings(length=100_000))
    return lambda length: generator.generate(
        "", SamplingSettings(length=max(1, length // texts)), texts
    )


def measure(
    settings: NetworkSettings, library: ctypes.CDLL | None, seconds: float
) -> dict[str, Any]:
    made = tensors(settings)
    rounded = {name: widen(narrow(tensor, "bf16"), "bf16") for name, tensor in made.items()}
    engine = Engine(settings, made)
    weights = engine.weights
    size = 4 * (weights.recurrent_LHG.size + weights.input_LHG.size + weights.output_HV.size)
    runs = {"one_stream": text_run(engine), "one_stream_bf16": text_run(Engine(settings, rounded))}
    if library is not None and settings.cell == "lstm" and settings.layers == 1:
        runs["c_loop"] = peer_run(library, settings)
    row: dict[str, Any] = {
        "network": f"{settings.cell} {settings.layers} x {settings.hidden}",
        **dict(zip(runs, rates(list(runs.values()), seconds), strict=True)),
        "many_streams": rate(text_run(engine, 1000), 4 * seconds),
        "bytes_per_symbol": size,
    }
    if library is not None:
        row["cache_share"] = row["one_stream"] * size / bandwidth(library, size)
    if "c_loop" in row:
        row["ratio"] = row["one_stream"] / row["c_loop"]
        row["ratio_bf16"] = row["one_stream_bf16"] / row["c_loop"]
    return row


def measure_networks(library: ctypes.CDLL | None, seconds: float) -> list[dict[str, Any]]:
    """Print and return the figures of all networks."""
    print(
        f"{'network':12} {'one stream':>10} {'bf16':>9} {'C loop':>9} {'ratio':>6} {'bf16':>6} "
        f"{'of cache':>9} {'KB/symbol':>9} {'1000 texts':>11}   (symbols/s)"
    )
    rows = []
    for settings in KINDS:
        row = measure(settings, library, seconds)
        rows.append(row)
        peer, share = " " * 23, " " * 9
        if "c_loop" in row:
            peer = f"{row['c_loop']:9,.0f} {row['ratio']:6.2f} {row['ratio_bf16']:6.2f}"
        if "cache_share" in row:
            share = f"{row['cache_share']:9.0%}"
        print(
            f"{row['network']:12} {row['one_stream']:10,.0f} {row['one_stream_bf16']:9,.0f} {peer} "
            f"{share} {row['bytes_per_symbol'] / 1000:9,.0f} {row['many_streams']:11,.0f}",
            flush=True,
        )
    return rows


STEERED: dict[str, dict[str, Any]] = {
    "temperature 0.8": {},
    "greedy": {"temperature": 0.0},
    "top-k 20": {"top_k": 20},
    "top-p 0.9": {"top_p": 0.9},
    "min-p 0.05": {"min_p": 0.05},
    "penalty 1.2": {"repetition_penalty": 1.2},
    "match [ -q]*": {"match": "[ -q]*"},
    "one stop string": {"stop": ("<never>",)},
}


def steered(seconds: float) -> dict[str, float]:
    """Return symbols per second of one text for each sampling option, LSTM 128."""
    generator = Generator(Engine(KINDS[0], tensors(KINDS[0])), vocabulary())

    def speed(options: dict[str, Any]) -> float:
        return rate(
            lambda length: generator.generate("", SamplingSettings(length=length, **options)),
            seconds,
        )

    return {name: speed(options) for name, options in STEERED.items()}


def long_text(folder: Path, symbols: int) -> dict[str, Any]:
    """Generate one text of ``symbols`` symbols to a file; return memory and speed of both halves.

    Both are read after each tenth of the file (Linux only).
    """
    command = [sys.executable, "-m", "charloom", "generate", str(folder / "model")]
    target, points = folder / "text.txt", list[tuple[int, float, float]]()
    with target.open("wb") as file:
        process = subprocess.Popen([*command, "--length", str(symbols), "--seed", "1"], stdout=file)
        began = time.perf_counter()
        while process.poll() is None:
            written = target.stat().st_size
            if written >= (len(points) + 1) * symbols // 10:
                status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
                kilobytes = int(status.partition("VmRSS:")[2].split()[0])
                points.append((written, time.perf_counter() - began, kilobytes / 1000))
            time.sleep(0.02)
    assert process.returncode == 0, "generate failed"
    assert target.stat().st_size == symbols + 1, "one byte for each symbol, and a line end"
    (first, early, small), (last, late, large) = points[1], points[-1]
    half = points[len(points) // 2]
    return {
        "symbols": symbols,
        "resident_mb_at_a_fifth": small,
        "resident_mb_at_the_end": large,
        "symbols_a_second_first_half": (half[0] - first) / (half[1] - early),
        "symbols_a_second_second_half": (last - half[0]) / (late - half[1]),
    }


def make_model(folder: Path) -> None:
    settings = KINDS[0]
    record = ModelRecord(
        text=TextSettings(),
        network=settings,
        training=TrainingSettings(),
        vocabulary=vocabulary(),
        labels=(),
        tensors=tensors(settings),
    )
    create_model_folder(folder / "model", record)


def cold_start(folder: Path) -> float:
    """Return the median seconds of seven ``charloom generate RUN "Today " -n 1`` processes."""
    command = [sys.executable, "-m", "charloom", "generate", str(folder / "model"), "Today "]
    times = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run(
            [*command, "-n", "1", "--length", "40"], check=True, capture_output=True, text=True
        )
        times.append(time.perf_counter() - began)
    return sorted(times)[3]


def measure_options(seconds: float) -> dict[str, float]:
    """Print and return the speed of each sampling option."""
    print("\none text of lstm 1 x 128, by sampling option   (symbols/s)")
    ways = steered(seconds)
    for way, speed in ways.items():
        print(f"{way:16} {speed:11,.0f}")
    return ways


FORBIDDEN: list[tuple[str, str, dict[str, Any]]] = [
    ("char", "plain", {}),
    ("char", "whole words", {"forbid_whole_words": True}),
    ("char", "ignoring case", {"forbid_ignore_case": True}),
    ("char", "with a match", {"match": "[ -q]*"}),
    ("word", "plain", {}),
    ("word", "whole words", {"forbid_whole_words": True}),
]
FORBIDDEN_COUNTS = (1, 100, 5000)
WORD_SYMBOLS = 10_000


def random_words(count: int) -> list[str]:
    """Return distinct words of 4 to 9 capital letters, some letters more often than others."""
    chance, words = np.random.default_rng(1), dict[str, None]()
    weights = 1 / np.arange(1, 27)
    while len(words) < count:
        codes = ord("A") + chance.choice(26, chance.integers(4, 10), p=weights / weights.sum())
        words["".join(map(chr, codes))] = None
    return list(words)


def measure_forbidden(seconds: float) -> list[dict[str, Any]]:
    """Print and return what forbidden strings cost, beside the same texts without them."""
    print("\nforbidden strings, lstm 1 x 128   (seconds to build; symbols/s, ratio to none)")
    words = random_words(WORD_SYMBOLS)
    by_word = Vocabulary.from_counts("word", [f" {word}" for word in words], [9] * 10_000, 1, 9)
    vocabularies = {"char": vocabulary(), "word": by_word}
    rows = []
    for (level, name, options), count in itertools.product(FORBIDDEN, FORBIDDEN_COUNTS):
        symbols = vocabularies[level]
        generator = Generator(Engine(KINDS[0], tensors(KINDS[0], len(symbols))), symbols)
        free = {"match": options["match"]} if "match" in options else {}
        generator.generate("", SamplingSettings(length=100_000, seed=1, **free))
        steered = SamplingSettings(forbid=tuple(words[:count]), **options)
        began = time.perf_counter()
        generator.generate("", dataclasses.replace(steered, length=1))
        built = time.perf_counter() - began
        runs = [
            functools.partial(run_with, generator, each)
            for each in (SamplingSettings(**free), steered)
        ]
        without, speed = rates(runs, seconds)
        row = {"level": level, "case": name, "strings": count, "build_seconds": built}
        rows.append(row | {"symbols_a_second": speed, "ratio": speed / without})
        print(
            f"{level:5} {name:14} {count:5} strings: built in {built:5.2f} s, "
            f"{speed:9,.0f} symbols/s, {speed / without:.2f}",
            flush=True,
        )
    return rows


def run_with(generator: Generator, settings: SamplingSettings, length: int) -> object:
    """Generate one text of ``length`` symbols."""
    return generator.generate("", dataclasses.replace(settings, length=length))


def measure_processes(folder: Path, symbols: int) -> dict[str, Any]:
    """Print and return the start of a process, and the memory and speed of a long text."""
    make_model(folder)
    start = cold_start(folder)
    print(f"\ncharloom generate RUN 'Today ' -n 1, whole process: {start:.2f} s (median of 7)")
    text = long_text(folder, symbols)
    print(
        f"charloom generate RUN --length {symbols}: resident "
        f"{text['resident_mb_at_a_fifth']:.0f} MB after a fifth, "
        f"{text['resident_mb_at_the_end']:.0f} MB at the end; "
        f"{text['symbols_a_second_first_half']:,.0f} symbols/s in its first half, "
        f"{text['symbols_a_second_second_half']:,.0f} in its second"
    )
    return {"cold_start_seconds": start, "long_text": text}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="approximate time of each measurement"
    )
    parser.add_argument("--compiler", default="gcc", help="compiler of the C loop")
    parser.add_argument("--long", type=int, default=10_000_000, help="symbols of the long text")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    given = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        if "networks" in given.only:
            library = compile_peer(given.compiler, Path(name))
            results["rows"] = measure_networks(library, given.seconds)
        if "options" in given.only:
            results["steered"] = measure_options(given.seconds)
        if "forbid" in given.only:
            results["forbidden"] = measure_forbidden(given.seconds)
        if "processes" in given.only:
            results |= measure_processes(Path(name), given.long)
    folder = Path(__file__).with_name("results")
    folder.mkdir(exist_ok=True)
    (folder / "generation.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
