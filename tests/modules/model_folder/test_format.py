"""A saved model is read bit for bit; damaged, foreign and newer folders are refused."""

import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from networks import NETWORKS, network_id
from records import document_index, folder, record

from charloom.errors import ModelFolderError
from charloom.model_folder import checkpoint
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import FORMAT
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, TrainingSettings

DOCUMENT = Path(__file__).parents[3] / "docs" / "model-folder.md"


@pytest.mark.parametrize("network", NETWORKS, ids=network_id)
@pytest.mark.parametrize("labels", [(), ("World", "Sports")])
def test_a_saved_model_is_read_bit_for_bit(
    tmp_path: Path, network: NetworkSettings, labels: tuple[str, ...]
) -> None:
    saved = record(network=network, labels=labels)
    path = folder(tmp_path / "m", network=network, labels=labels)
    loaded = model_folder.read(path)
    for part in ("text", "network", "training", "vocabulary", "labels", "metrics", "provenance"):
        assert getattr(loaded, part) == getattr(saved, part)
    assert set(loaded.tensors) == set(saved.tensors)
    for key, tensor in saved.tensors.items():
        assert loaded.tensors[key].dtype == np.float32
        assert loaded.tensors[key].tobytes() == tensor.tobytes()
    ids = np.array([0, 3])
    before, after = (Network(r.network, r.tensors) for r in (saved, loaded))
    start = np.array([len(labels) - 1, -1])
    old, _ = before.step(ids, before.initial_state(start))
    new, _ = after.step(ids, after.initial_state(start))
    assert old.tobytes() == new.tobytes()


def test_a_missing_folder_is_reported() -> None:
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(Path("no/such"))
    assert str(caught.value) == (
        f"there is no model folder {Path('no/such')}; "
        "name one that charloom train made, such as runs/facts."
    )


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json", "model.safetensors"])
def test_a_missing_file_is_reported(tmp_path: Path, file: str) -> None:
    path = folder(tmp_path / "m")
    (path / file).unlink()
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path} has no {file}; a model folder needs config.json, vocabulary.json and "
        "model.safetensors: copy the whole folder, or train again."
    )


def altered(path: Path) -> str:
    return (
        f"{path} is damaged or was altered after it was saved; "
        "copy the whole folder again from where it was made, or train again."
    )


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json", "model.safetensors"])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, file: str, fraction: float) -> None:
    path = folder(tmp_path / "m")
    content = (path / file).read_bytes()
    (path / file).write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == altered(path / file)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("config.json", b'"hidden": 6', b'"hidden": 7'),
        ("config.json", b'"clean": true', b'"clean": false'),
        ("config.json", b'"bits_per_character": 2.5', b'"bits_per_character": 1.5'),
        ("vocabulary.json", b'"a"', b'"z"'),
    ],
)
def test_an_altered_file_is_refused(tmp_path: Path, file: str, old: bytes, new: bytes) -> None:
    path = folder(tmp_path / "m")
    content = (path / file).read_bytes()
    assert old in content
    (path / file).write_bytes(content.replace(old, new))
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == altered(path / file)


def test_a_changed_byte_of_the_weights_is_detected(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    content = bytearray((path / "model.safetensors").read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for index in (header, header + 5, len(content) - 1):
        changed = content.copy()
        changed[index] ^= 1
        (path / "model.safetensors").write_bytes(changed)
        with pytest.raises(ModelFolderError, match=r"model\.safetensors is damaged or was altered"):
            model_folder.read(path)


def test_weights_of_another_vocabulary_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    other = record()
    counts = tuple(count + 1 for count in other.vocabulary.counts)
    vocabulary = type(other.vocabulary)(
        level="char", symbols=other.vocabulary.symbols, counts=counts
    )
    other_path = folder(tmp_path / "n", vocabulary=vocabulary)
    (path / "model.safetensors").write_bytes((other_path / "model.safetensors").read_bytes())
    with pytest.raises(ModelFolderError, match="altered after it was saved"):
        model_folder.read(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["format"] = 4
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path} has model format 4; this charloom reads formats up to 3: install a newer charloom."
    )


def test_hub_tools_find_type_architecture_and_card(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    config = json.loads((path / "config.json").read_text("utf-8"))
    assert config["model_type"] == "charloom"
    assert config["architectures"] == ["charloom-lstm"]
    vocabulary = json.loads((path / "vocabulary.json").read_text("utf-8"))
    assert vocabulary["level"] == "char"
    assert vocabulary["symbols"][:2] == ["<eos>", "<unk>"]
    header = (path / "model.safetensors").read_bytes()[8:]
    assert json.JSONDecoder().raw_decode(header.decode("latin-1"))[0]["__metadata__"]["format"] == (
        "pt"
    )
    card = (path / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: charloom\n")
    assert "**2.500 bits per character**" in card


def test_a_name_that_is_too_long_is_reported() -> None:
    path = Path("a" * 300)
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path} cannot be read ({os.strerror(errno.ENAMETOOLONG)}); "
        "name a model folder that you may read."
    )


def test_a_file_that_cannot_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m")

    def refuse(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path / 'config.json'} cannot be read ({os.strerror(errno.EACCES)}); "
        "name a model folder that you may read."
    )


LETTERS = list("abcdefgh")


def test_a_saved_index_is_read(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", document_index=document_index(LETTERS))
    loaded = model_folder.read(path).document_index
    assert loaded is not None
    assert loaded.packed == document_index(LETTERS).packed
    assert [text for text in "xaby" if text in loaded] == ["a", "b"]
    assert (path / "documents.bin").stat().st_size == 5 * len(LETTERS)


def test_an_index_of_no_documents_is_read(tmp_path: Path) -> None:
    loaded = model_folder.read(
        folder(tmp_path / "m", document_index=document_index([]))
    ).document_index
    assert loaded is not None
    assert (len(loaded), "a" in loaded) == (0, False)


@pytest.mark.parametrize("index", [True, False])
def test_a_model_without_an_index_has_none(tmp_path: Path, index: bool) -> None:
    path = folder(tmp_path / "m", training=TrainingSettings(steps=3, index=index))
    loaded = model_folder.read(path)
    assert loaded.document_index is None
    assert loaded.training.index is index
    assert not (path / "documents.bin").exists()


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[:-5])
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "altered":
        path.write_bytes(content[:7] + bytes([content[7] ^ 1]) + content[8:])
    else:
        path.write_bytes(document_index(LETTERS[:-1] + ["z"]).packed)


@pytest.mark.parametrize("kind", ["truncated", "emptied", "altered", "of another model"])
def test_a_damaged_index_is_refused_when_it_is_needed(tmp_path: Path, kind: str) -> None:
    path = folder(tmp_path / "m", document_index=document_index(LETTERS))
    damage(path / "documents.bin", kind)
    loaded = model_folder.read(path).document_index
    assert loaded is not None
    for _ in range(2):
        with pytest.raises(ModelFolderError) as caught:
            _ = "a" in loaded
        assert str(caught.value) == altered(path / "documents.bin")


def test_the_index_is_not_read_with_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m", document_index=document_index(LETTERS))
    read_bytes = Path.read_bytes
    names: list[str] = []

    def record_name(self: Path) -> bytes:
        names.append(self.name)
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", record_name)
    loaded = model_folder.read(path).document_index
    assert loaded is not None
    assert "documents.bin" not in names
    assert "a" in loaded and "b" in loaded
    assert names.count("documents.bin") == 1


def test_the_index_is_found_after_changing_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "m", document_index=document_index(LETTERS))
    monkeypatch.chdir(tmp_path)
    loaded = model_folder.read(Path("m")).document_index
    monkeypatch.chdir("/")
    assert loaded is not None and "a" in loaded


def test_a_removed_index_is_reported_when_needed(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", document_index=document_index(LETTERS))
    loaded = model_folder.read(path).document_index
    (path / "documents.bin").unlink()
    assert model_folder.read(path).document_index is None
    assert loaded is not None
    with pytest.raises(ModelFolderError) as caught:
        loaded.load()
    assert str(caught.value) == (
        f"{path / 'documents.bin'} cannot be read ({os.strerror(errno.ENOENT)}); "
        "name a model folder that you may read."
    )


def test_an_index_without_a_digest_is_ignored(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    (path / "documents.bin").write_bytes(document_index(LETTERS).packed)
    assert model_folder.read(path).document_index is None


def test_the_settings_of_format_3_are_fixed(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", document_index=document_index(LETTERS))
    config = json.loads((path / "config.json").read_text("utf-8"))
    assert config["format"] == 3
    # A changed set needs a new format: readers refuse unknown settings.
    assert set(config["training"]) == {
        *("minutes", "epochs", "steps", "batch_size", "window", "learning_rate", "schedule"),
        *("optimizer", "weight_decay", "average", "freeze", "clip", "source_weights", "seed"),
        *("device", "precision", "sample_every", "prompts", "temperatures", "checked_texts"),
        *("keep_best", "keep_optimizer"),
    }
    assert set(config["text"]) == {
        *("level", "unit", "columns", "label_column", "header", "encoding", "clean"),
        *("min_count", "valid_fraction", "errors", "delimiter", "separator", "separator_regex"),
        *("unique_documents", "mask_digits", "valid_tail", "token_pattern"),
    }
    assert set(config["network"]) == {"cell", "hidden", "layers", "input", "dropout"}


def test_the_document_names_the_current_formats() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert re.findall(r"^Format (\d+)\.", text, re.MULTILINE) == [str(FORMAT)]
    assert re.findall(r"^\| `format` \| (\d+);", text, re.MULTILINE) == [str(FORMAT)]
    assert re.findall(r"`state\.json` has `format` \((\d+)\)", text) == [str(checkpoint.FORMAT)]
    history = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert history == [str(number) for number in range(1, FORMAT + 1)]
