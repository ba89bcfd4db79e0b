import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from networks import NETWORKS, name
from records import folder, record

from charloom import model_folder
from charloom.errors import ModelFolderError
from charloom.generation.reference import Network
from charloom.settings import NetworkSettings


@pytest.mark.parametrize("network", NETWORKS, ids=name)
@pytest.mark.parametrize("labels", [(), ("World", "Sports")])
def test_what_is_saved_comes_back_bit_for_bit(
    tmp_path: Path, network: NetworkSettings, labels: tuple[str, ...]
) -> None:
    saved = record(network=network, labels=labels)
    path = folder(tmp_path / "m", network=network, labels=labels)
    loaded = model_folder.read(path)
    for part in ("text", "network", "training", "vocabulary", "labels", "figures", "provenance"):
        assert getattr(loaded, part) == getattr(saved, part)
    assert set(loaded.tensors) == set(saved.tensors)
    for key, tensor in saved.tensors.items():
        assert loaded.tensors[key].dtype == np.float32
        assert loaded.tensors[key].tobytes() == tensor.tobytes()
    ids = np.array([0, 3])
    before, after = (Network(r.network, r.tensors) for r in (saved, loaded))
    start = np.array([len(labels) - 1, -1])
    old, _ = before.step(ids, before.start(start))
    new, _ = after.step(ids, after.start(start))
    assert old.tobytes() == new.tobytes()


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(Path("no/such"))
    assert str(caught.value) == (
        f"there is no model folder {Path('no/such')}; "
        "name one that charloom train made, such as runs/facts."
    )


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json", "model.safetensors"])
def test_a_missing_file(tmp_path: Path, file: str) -> None:
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
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file(tmp_path: Path, file: str, share: float) -> None:
    path = folder(tmp_path / "m")
    content = (path / file).read_bytes()
    (path / file).write_bytes(content[: int(len(content) * share)])
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
def test_an_altered_file(tmp_path: Path, file: str, old: bytes, new: bytes) -> None:
    path = folder(tmp_path / "m")
    content = (path / file).read_bytes()
    assert old in content
    (path / file).write_bytes(content.replace(old, new))
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == altered(path / file)


def test_any_byte_of_the_weights(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    content = bytearray((path / "model.safetensors").read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for place in (header, header + 5, len(content) - 1):
        changed = content.copy()
        changed[place] ^= 1
        (path / "model.safetensors").write_bytes(changed)
        with pytest.raises(ModelFolderError, match=r"model\.safetensors is damaged or was altered"):
            model_folder.read(path)


def test_weights_of_another_vocabulary(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    other = record()
    counts = tuple(count + 1 for count in other.vocabulary.counts)
    vocabulary = type(other.vocabulary)(
        level="char", symbols=other.vocabulary.symbols, counts=counts
    )
    strange = folder(tmp_path / "n", vocabulary=vocabulary)
    (path / "model.safetensors").write_bytes((strange / "model.safetensors").read_bytes())
    with pytest.raises(ModelFolderError, match="altered after it was saved"):
        model_folder.read(path)


def test_a_newer_format(tmp_path: Path) -> None:
    path = folder(tmp_path / "m")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["format"] = 2
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path} has model format 2; this charloom reads formats up to 1: install a newer charloom."
    )


def test_other_programs_find_what_they_expect(tmp_path: Path) -> None:
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


def test_a_name_that_is_too_long() -> None:
    path = Path("a" * 300)
    with pytest.raises(ModelFolderError) as caught:
        model_folder.read(path)
    assert str(caught.value) == (
        f"{path} cannot be read ({os.strerror(errno.ENAMETOOLONG)}); "
        "name a model folder that you may read."
    )


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
