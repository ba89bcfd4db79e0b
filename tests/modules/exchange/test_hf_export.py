import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import document_index, folder, record

from charloom.errors import OutputError, SettingsError
from charloom.exchange.hf_export import prepare_hf
from charloom.model import Model
from charloom.settings import TextSettings

FILES = {
    *("README.md", "config.json", "generation_config.json", "model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "vocabulary.json"),
}


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_the_folder_is_a_model_folder_with_the_same_texts(tmp_path: Path) -> None:
    model = Model.load(folder(tmp_path / "run", labels=("x", "y")))
    written = model.export(tmp_path / "hub", to="hf", license="MIT", language="en")
    assert {path.name for path in written.path.iterdir()} == FILES
    loaded = Model.load(written.path)
    for label in (None, "x"):
        options: dict[str, Any] = {"n": 3, "length": 40, "seed": 5, "label": label}
        assert loaded.generate("a", **options) == model.generate("a", **options)
    assert loaded.score(["abc"]) == model.score(["abc"])
    again = loaded.export(tmp_path / "again", to="hf")
    for name in FILES - {"README.md"}:
        assert (again.path / name).read_bytes() == (written.path / name).read_bytes()


def test_sizes_and_ids_have_the_names_of_the_hub(tmp_path: Path) -> None:
    written = Model(record()).export(tmp_path / "hub", to="hf")
    config = read(written.path / "config.json")
    assert config["model_type"] == "charloom"
    assert config["architectures"] == ["charloom-lstm"]
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "bos_token_id", "eos_token_id")
    assert [config[name] for name in names] == [15, 6, 1, 0, 0]
    assert read(written.path / "generation_config.json") == {
        "bos_token_id": 0,
        "do_sample": True,
        "eos_token_id": 0,
        "max_new_tokens": 500,
        "suppress_tokens": [1],
        "temperature": 0.8,
    }
    tokenizer = read(written.path / "tokenizer_config.json")
    assert (tokenizer["bos_token"], tokenizer["unk_token"]) == ("<eos>", "<unk>")
    assert tokenizer["split_special_tokens"] is True
    header = (written.path / "model.safetensors").read_bytes()
    assert b'"format":"pt"' in header


def test_a_stream_has_no_end() -> None:
    vocabulary = record().vocabulary
    stream = record(
        text=TextSettings(unit="stream"),
        vocabulary=type(vocabulary)(
            level="char", symbols=vocabulary.symbols, counts=(1, *vocabulary.counts[1:])
        ),
    )
    files = prepare_hf(Model(stream)).files
    assert json.loads(files["generation_config.json"])["suppress_tokens"] == [0, 1]


def test_nothing_of_the_training_texts_is_in_the_folder(tmp_path: Path) -> None:
    secret = "/home/secret/titles.txt"
    run = folder(
        tmp_path / "run",
        provenance={"sources": [secret], "validation": secret, "notes": [secret]},
        document_index=document_index(["a"]),
    )
    for name in ("samples.jsonl", "metrics.jsonl"):
        (run / name).write_text("secret\n", "utf-8")
    written = Model.load(run).export(tmp_path / "hub", to="hf")
    assert {path.name for path in written.path.iterdir()} == FILES
    assert not [path for path in written.path.iterdir() if b"secret" in path.read_bytes()]
    assert written.discloses == (
        "15 symbols of the vocabulary, and how often each occurs in the training texts",
        "settings, figures, date and versions of the run",
        "the weights, which can repeat parts of training texts",
    )


def test_the_note_names_an_inexact_split() -> None:
    exact = prepare_hf(Model(record()))
    assert exact.notes == (
        f"{exact.size / 1e6:.2f} MB; charloom generate FOLDER loads it, and the same seed writes "
        "the same text.",
        "tokenizer.json gives every text the same symbols.",
    )
    vocabulary = type(record().vocabulary)(
        level="char", token_pattern=r"\w+", symbols=("<eos>", "<unk>", "ab"), counts=(1, 1, 1)
    )
    inexact = prepare_hf(Model(record(vocabulary=vocabulary)))
    assert inexact.notes[1].startswith("tokenizer.json is not exact: the tokenizer cannot express")
    assert inexact.figures["tokenizer_exact"] is False
    assert "It is not exact: the tokenizer cannot express" in inexact.files["README.md"].decode()


def test_a_folder_name_that_is_no_unicode(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/r\xff")
    try:
        model = Model.load(folder(Path(path)))
    except OSError:
        pytest.skip("the file system allows UTF-8 only")
    assert "# r\ufffd" in prepare_hf(model).files["README.md"].decode()


def test_weights_that_are_not_finite_are_refused() -> None:
    tensors = {**record().tensors, "output.bias": np.full(15, np.inf, np.float32)}
    with pytest.raises(SettingsError, match="hold NaN or infinity"):
        prepare_hf(Model(record(tensors=tensors)))


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists already"):
        Model(record()).export(tmp_path, to="hf")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
