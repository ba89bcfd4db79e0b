"""Compare the speed of the JavaScript engine in node with that of charloom's compiled generator.

Networks are random: an LSTM of 384 and one of 128 units, 89 symbols, an embedding of 64. Each
program writes one text, whose equality is checked, in several rounds in turn; the best round
counts. Figures are characters per second, by the clock and by the processor's time: the second
suffers less from other programs.

    python benchmarks/javascript.py
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from charloom.exchange.model_json import model_text
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.network.parameters import parameter_shapes
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

ENGINE = Path(__file__).parents[1] / "src/charloom/exchange/javascript"
SYMBOLS = tuple(map(chr, range(33, 33 + 87)))
ROUNDS = 4
LENGTHS = {384: 2_000, 128: 20_000}
"""Characters of a text, for about a second in plain JavaScript."""


def random_model(hidden: int) -> Model:
    network = NetworkSettings(hidden=hidden, input=64)
    known = ("<eos>", "<unk>", *SYMBOLS)
    generator = np.random.default_rng(0)
    shapes = parameter_shapes(network, len(known))
    return Model(
        ModelRecord(
            text=TextSettings(),
            network=network,
            training=TrainingSettings(steps=1),
            vocabulary=Vocabulary(level="char", symbols=known, counts=(1,) * len(known)),
            labels=(),
            tensors={
                name: (0.1 * generator.standard_normal(shape)).astype(np.float32)
                for name, shape in shapes.items()
            },
        )
    )


def run_python(model: Model, length: int) -> dict[str, Any]:
    model.generate(length=200, temperature=1.0)
    clock, used = time.perf_counter(), time.process_time()
    [text] = model.generate(length=length, temperature=1.0, bias={"<eos>": -np.inf})
    wall, cpu = time.perf_counter() - clock, time.process_time() - used
    return {"text": text, "wall": 1000 * wall, "cpu": 1000 * cpu}


def run_node(file: Path, kernel: str, length: int) -> dict[str, Any]:
    node = shutil.which("node") or "nodejs"
    script = Path(__file__).with_suffix(".mjs")
    command = [node, str(script), str(ENGINE), str(file), kernel, str(length), "3"]
    done = subprocess.run(command, capture_output=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(hidden: int, folder: Path) -> None:
    model, length = random_model(hidden), LENGTHS[hidden]
    file = folder / "model.json"
    file.write_text(model_text(model.record), "ascii")
    rounds: dict[str, list[dict[str, Any]]] = {"charloom": [], "plain": [], "simd": []}
    # Python compiles its code before it is timed.
    run_python(model, length)
    for _ in range(ROUNDS):
        rounds["charloom"].append(run_python(model, length))
        for kernel in ("plain", "simd"):
            rounds[kernel].append(run_node(file, kernel, length))
    texts = {one["text"] for results in rounds.values() for one in results}
    assert len(texts) == 1, "the texts differ"
    assert {one["kernel"] for one in rounds["simd"]} == {"simd"}
    best = {
        name: {key: min(one[key] for one in results) for key in ("wall", "cpu")}
        for name, results in rounds.items()
    }
    loading = min(one["loading"] for one in rounds["simd"])
    print(f"\nLSTM {hidden}, ready after {loading:.0f} ms   characters/s     of charloom")
    for name, times in best.items():
        wall, cpu = (1000 * length / times[key] for key in ("wall", "cpu"))
        ratio = best["charloom"]["cpu"] / times["cpu"]
        print(f"  {name:10} {wall:12,.0f} by the clock {cpu:12,.0f} by CPU time {ratio:8.2f}")


def main() -> None:
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load average {load:.1f}; ratios are of CPU time")
    with tempfile.TemporaryDirectory() as folder:
        for hidden in LENGTHS:
            measure(hidden, Path(folder))


if __name__ == "__main__":
    main()
