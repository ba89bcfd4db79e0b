"""The JavaScript engine generates the texts of ``charloom generate``, bit for bit.

For the same model, prompt, seed and options, with and without WebAssembly. Logits, states and gates
have the same bits as those of the engine.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import generator_with
from javascript_engine import options_of, run_node
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from records import record
from sampling_cases import SAMPLING_CASES
from soak import times

from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.generator import Generator
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.network.engine import Engine
from charloom.settings import NetworkSettings, SamplingSettings
from charloom.text.symbols import BYTES

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
PROMPT = "abéab"
"""Contains a symbol that the vocabulary lacks."""
SEEDS = times(20)
KERNELS = ("plain", "simd")
MASKED = {name: case for name, case in SAMPLING_CASES.items() if "forbid" not in case}
"""All cases but those with forbidden strings, which the JavaScript engine lacks."""

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def make_record(settings: NetworkSettings) -> ModelRecord:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return record(LABELS, network=settings, vocabulary=make_vocabulary(LETTERS), tensors=tensors)


def make_generator(model: ModelRecord) -> Generator:
    engine = Engine(model.network, model.tensors)
    return generator_with(CompiledDecoder, engine, model.vocabulary, model.labels)


def check_texts(model: ModelRecord, cases: list[tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Check that both kernels and Python generate the same texts for prompts and options."""
    generator = make_generator(model)
    tasks = [
        {
            "task": "texts",
            "model": 0,
            "kernel": kernel,
            "prompt": prompt,
            "options": options_of(sampling),
            "count": SEEDS,
        }
        for prompt, sampling in cases
        for kernel in KERNELS
    ]
    results = iter(run_node([model], tasks, folder))
    for prompt, sampling in cases:
        expected = generator.generate(prompt, SamplingSettings(**sampling), SEEDS)
        for kernel in KERNELS:
            for one, other in zip(next(results), expected, strict=True):
                where = f"{sampling}, seed {other.seed}, {kernel}"
                assert (one["text"], one["stopped"]) == (other.text, other.stopped), where
                assert (len(one["ids"]), one["seed"]) == (other.symbols, str(other.seed)), where
                # The final logarithm is that of the browser: its last bit may differ.
                assert one["bits"] == pytest.approx(other.bits, rel=1e-12, abs=1e-12)


@pytest.mark.soak
@networks
def test_texts_are_those_of_python(settings: NetworkSettings, tmp_path: Path) -> None:
    """Of every network, with every sampling option."""
    cases = [
        (PROMPT, {"seed": 3, "length": 60, "label": "y", **options}) for options in MASKED.values()
    ]
    check_texts(make_record(settings), cases, tmp_path)


def test_seeds_prompts_and_label_mixtures(tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        (prompt, {"length": 30, "temperature": 1.0, **options})
        for prompt in ("", "a", "é\ud800\U0001f600b", "abc" * 200)
        for options in (
            {"seed": 2**31 + 5},
            {"seed": 2**53 + 1},
            {"label": {"x": 0.3, "y": 0.7}},
            {"label": {"y": 3, "x": 1e-9}, "seed": 12345678901},
        )
    ]
    for _, sampling in cases:
        sampling["seed"] = str(sampling.get("seed", 0))
    model = make_record(NETWORKS[2])
    generator, tasks = make_generator(model), []
    for prompt, sampling in cases:
        tasks.append(
            {"task": "texts", "model": 0, "prompt": prompt, "options": sampling, "count": 3}
        )
    for (prompt, sampling), texts in zip(cases, run_node([model], tasks, tmp_path), strict=True):
        settings = SamplingSettings(**sampling | {"seed": int(sampling["seed"])})
        expected = [text.text for text in generator.generate(prompt, settings, 3)]
        cleaned = [text.replace("\ud800", "\ufffd") for text in expected]
        assert [text["text"] for text in texts] == cleaned
