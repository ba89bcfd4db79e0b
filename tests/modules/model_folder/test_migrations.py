"""Configurations of every older format become the current one, step by step."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from records import folder, record

from charloom.errors import ModelFolderError
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import FORMAT
from charloom.model_folder.migrations import MIGRATIONS, migrate

# The configuration that charloom 0.1.0 wrote, without digests: it had no index, calibration,
# averaging or muon.
FORMAT_1: dict[str, Any] = {
    "format": 1,
    "model_type": "charloom",
    "architectures": ["charloom-lstm"],
    "vocabulary_size": 15,
    "text": {
        "level": "char",
        "unit": "line",
        "columns": [],
        "label_column": None,
        "header": None,
        "encoding": "utf-8",
        "clean": True,
        "min_count": 3,
        "valid_fraction": 0.1,
    },
    "network": {"cell": "lstm", "hidden": 6, "layers": 1, "input": 4, "dropout": 0.0},
    "training": {
        "minutes": None,
        "epochs": None,
        "steps": 3,
        "batch_size": 32,
        "window": 256,
        "learning_rate": 0.01,
        "schedule": "linear",
        "optimizer": "adamw",
        "weight_decay": 0.0,
        "clip": 1.0,
        "seed": 5,
        "device": "cpu",
        "precision": "auto",
        "sample_every": None,
        "prompts": [],
        "temperatures": [],
    },
    "labels": [],
    "figures": {"bits_per_character": 2.5, "step": 7},
    "provenance": {"charloom": "0.1.0"},
}


def signed(config: dict[str, Any]) -> str:
    """Return a configuration as JSON with its digest, as every version writes it."""
    content = json.dumps(config, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    digest = blake2b(content.encode(), digest_size=16).hexdigest()
    return json.dumps(config | {"config_digest": digest})


READING = {
    "errors": "strict",
    "delimiter": None,
    "separator": None,
    "separator_regex": None,
    "unique_documents": False,
    "mask_digits": False,
    "token_pattern": None,
    "valid_tail": False,
}
"""Settings of reading in format 3 that older versions did not have."""
TRAINING = {
    "source_weights": [],
    "freeze": "none",
    "keep_optimizer": False,
    "checked_texts": 100,
    "keep_best": "loss",
}
"""The same of training."""


def test_there_is_one_step_for_each_older_format() -> None:
    assert len(MIGRATIONS) == FORMAT - 1
    assert all(step.__doc__ for step in MIGRATIONS)


def test_format_1_becomes_the_current_format() -> None:
    migrated = migrate(FORMAT_1)
    added = {"index": True, "documents_digest": None}
    training = FORMAT_1["training"] | {"average": False} | TRAINING
    text = READING | FORMAT_1["text"]
    if text["level"] == "word":
        text["level"] = "closed-word"
    changed = {"format": FORMAT, "training": training, "text": text}
    assert migrated == FORMAT_1 | added | changed
    assert FORMAT_1["format"] == 1, "the argument is not changed"


def test_keys_that_were_added_within_format_1_are_kept() -> None:
    later = FORMAT_1 | {"index": False, "documents_digest": "ab"}
    migrated = migrate(later)
    assert (migrated["index"], migrated["documents_digest"]) == (False, "ab")


def test_the_current_format_is_unchanged() -> None:
    config = {"format": FORMAT, "anything": 1}
    assert migrate(config) == config


@pytest.mark.parametrize("version", [0, -1, FORMAT + 1])
def test_a_format_that_never_was_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match=f"^no format {version}$"):
        migrate({"format": version})


def test_a_folder_of_format_1_is_read(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    digest = json.loads((path / "config.json").read_text("utf-8"))["vocabulary_digest"]
    config = FORMAT_1 | {"vocabulary_digest": digest}
    (path / "config.json").write_text(signed(config), "utf-8")
    loaded = model_folder.read(path)
    assert (loaded.training.average, loaded.training.index, loaded.training.seed) == (
        False,
        True,
        5,
    )
    assert loaded.metrics == FORMAT_1["figures"]
    assert (loaded.calibration, loaded.document_index) == (None, None)
    assert loaded.vocabulary == record().vocabulary


@pytest.mark.parametrize("change", [{"format": 0}, {"format": "1"}, {"training": None}])
def test_a_signed_configuration_that_no_version_wrote_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = folder(tmp_path / "m")
    (path / "config.json").write_text(signed(FORMAT_1 | change), "utf-8")
    with pytest.raises(ModelFolderError, match=r"config\.json is damaged or was altered after it"):
        model_folder.read(path)
