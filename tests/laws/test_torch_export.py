"""An export to PyTorch has the logits and the greedy texts of charloom."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, network_id
from records import record

from charloom.model import Model
from charloom.network.reference import Network
from charloom.settings import NetworkSettings
from charloom.text.symbols import BYTES

pytestmark = pytest.mark.needs("torch")

LABELS = ("x", "y")
TOLERANCE = 1e-5


def exported(model: Model, path: Path) -> ModuleType:
    """Return the program of an export as a module."""
    written = model.export(path, to="torch")
    spec = importlib.util.spec_from_file_location("exported_model", written.path / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("labels", [(), LABELS], ids=["plain", "labels"])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_logits_are_those_of_the_reference(
    settings: NetworkSettings, labels: tuple[str, ...], tmp_path: Path
) -> None:
    import torch

    model = Model(record(labels, network=settings))
    module = exported(model, tmp_path / "torch")
    network = module.load()
    reference = Network(settings, model.record.tensors)
    ids_T = np.random.default_rng(0).integers(0, 15, 12)
    for number in range(-1, len(labels)):
        state = reference.initial_state(np.array([number]))
        begin = None if number < 0 else network.label_state(labels[number])
        with torch.no_grad():
            logits_TBV, _ = network(torch.tensor(ids_T)[:, None], begin)
        for step, symbol in enumerate(ids_T):
            expected_BV, state = reference.step(np.array([symbol]), state)
            assert np.abs(logits_TBV[step].numpy() - expected_BV).max() < TOLERANCE


@pytest.mark.parametrize("settings", NETWORKS[::4], ids=network_id)
def test_greedy_texts_are_equal(settings: NetworkSettings, tmp_path: Path) -> None:
    model = Model(record(LABELS, network=settings))
    module = exported(model, tmp_path / "torch")
    network = module.load()
    for prompt in ("", "abc", "h\U0001f600\u00e9"):
        [expected] = model.generate(prompt, temperature=0, length=50)
        assert module.generate(network, prompt, temperature=0, length=50) == expected
    [expected] = model.generate("a", temperature=0, length=50, label="y")
    state = network.label_state("y")
    assert module.generate(network, "a", temperature=0, length=50, state=state) == expected


def test_bytes_and_words_are_spelled(tmp_path: Path) -> None:
    for level, symbols, prompt in (
        ("byte", BYTES, "h\u00e9\n"),
        ("word", ["a", "b", " ", " ab", " abc"], " abc ab"),
    ):
        model = Model(record(vocabulary=make_vocabulary(symbols, level)))  # type: ignore[arg-type]
        module = exported(model, tmp_path / level)
        assert module.encode(prompt) == model.record.vocabulary.encode(prompt).tolist()
        [expected] = model.generate(prompt, temperature=0, length=30)
        assert module.generate(module.load(), prompt, temperature=0, length=30) == expected


@pytest.mark.slow
def test_the_program_writes_a_greedy_and_a_sampled_text(tmp_path: Path) -> None:
    model = Model(record(LABELS))
    written = model.export(tmp_path / "facts", to="torch")
    done = subprocess.run(
        [sys.executable, written.path / "model.py", "ab", "x"],
        capture_output=True,
        text=True,
        check=True,
    )
    greedy, sampled = done.stdout.splitlines()
    assert [greedy] == model.generate("ab", temperature=0, label="x")
    assert sampled.startswith("ab")
