"""Model folders with right digests and wrong contents are refused, or work.

A digest finds damage and no intent: whoever makes a folder can sign it. Such a folder comes from
the hub. Each loaded one then generates, scores, and is described and exported.
"""

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import record
from soak import times

from charloom.errors import CharloomError
from charloom.exchange.hf_export import prepare_hf
from charloom.model import Model
from charloom.model_folder.card import model_card
from charloom.model_folder.encoding import digest, model_json
from charloom.model_folder.format import to_files
from charloom.model_folder.weights import weights_bytes

EXAMPLES = times(300)
LINEAGE = {
    "model": None,
    "metrics": {"bits_per_character": 3.0},
    "sources": ["a.txt"],
    "training_documents": 5,
    "date": "2026-01-01",
    "lineage": None,
}
PROVENANCE = {
    "sources": ["titles.txt"],
    "training_documents": 3,
    "training_characters": 100,
    "date": "2026-01-01",
    "lineage": LINEAGE,
    "license": "mit",
    "notes": ["a note"],
}
CALIBRATION = {
    "mean": [1.0, 2.0],
    "variance": [1.0, 0.5],
    "limit": 3.0,
    "texts": 100,
    "tail": [[0.1, 2.0]],
}
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 10**12, 10**400, 1.5, -0.5, 1e308, float("nan")),
    *("", "x", "<eos>", "lstm", "gru", "one-hot", "char", "byte", "word", "(a+)+$", "["),
    *([], [1], ["x"], ["x", "x"], [[]], {}, {"x": 1}, {"lineage": {}}),
]


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON value."""
    found = [prefix] if prefix else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            found += paths(item, (*prefix, key))
    return found


def mutated(content: Any, chance: random.Random) -> Any:
    """Return a copy with some values replaced or removed."""
    content = copy.deepcopy(content)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        if not content:
            return content
        *parents, last = chance.choice(paths(content))
        place = content
        for key in parents:
            place = place[key]
        if chance.random() < 0.15:
            del place[last]
        else:
            place[last] = copy.deepcopy(chance.choice(VALUES))
    return content


def signed(files: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """Return files with changed contents and right digests."""
    files = dict(files)
    config, vocabulary = json.loads(files["config.json"]), json.loads(files["vocabulary.json"])
    del config["config_digest"]
    part = chance.randrange(6)
    if part == 0:
        vocabulary = mutated(vocabulary, chance)
    elif part < 5:
        config = mutated(config, chance)
    tensors = dict(record(("x", "y")).tensors)
    if part == 5:
        name = chance.choice(list(tensors))
        shape = chance.choice([(0,), (), (15,), (15, 4), (1, 24, 6), tensors[name].shape])
        fill = chance.choice([0.0, np.nan, np.inf, 1e38])
        tensors[name] = np.full(shape, fill, np.float32)
    files["vocabulary.json"] = model_json(vocabulary)
    config["vocabulary_digest"] = digest(files["vocabulary.json"])
    files["model.safetensors"] = weights_bytes(tensors, config["vocabulary_digest"])
    config["config_digest"] = digest(model_json(config))
    files["config.json"] = model_json(config)
    return files


def use(path: Path) -> None:
    """Load a model and do what needs no other files."""
    model = Model.load(path)
    repr(model)
    model_card(model.record)
    with np.errstate(all="ignore"):  # of weights that are not finite
        model.score(["ab"])
        model.generate("a", length=5)
    prepare_hf(model)


@pytest.mark.soak
def test_signed_folders_are_refused_in_one_line_or_work(tmp_path: Path) -> None:
    full = record(("x", "y"), provenance=PROVENANCE, calibration=CALIBRATION)
    files = to_files(full)
    loaded = 0
    for seed in range(EXAMPLES):
        for name, content in signed(files, random.Random(seed)).items():
            (tmp_path / name).write_bytes(content)
        try:
            use(tmp_path)
            loaded += 1
        except CharloomError as error:
            assert "\n" not in str(error), seed
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert 0.05 * EXAMPLES < loaded < 0.9 * EXAMPLES


def test_deep_json_is_refused(tmp_path: Path) -> None:
    for name, content in to_files(record()).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "config.json").write_bytes(b'{"a":' * 100_000)
    with pytest.raises(CharloomError, match=r"config\.json is damaged or was altered"):
        Model.load(tmp_path)
