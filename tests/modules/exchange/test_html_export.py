import os
from pathlib import Path

import pytest
from records import folder, record

from charloom.errors import SettingsError
from charloom.exchange.html_export import model_name, prepare_html, seconds_to_open
from charloom.exchange.stored_weights import round_model
from charloom.model import Model
from charloom.model_folder.weights import tensors_digest


def test_unchanged_weights_have_no_cost() -> None:
    model = Model(record(("x",)))
    prepared = prepare_html(model)
    assert prepared.figures == {
        "dtype": "float32",
        "weights_digest": tensors_digest(model.record.tensors),
        "seconds_to_open": round(seconds_to_open(prepared.size), 2),
        "rounding": None,
    }
    [note] = prepared.notes
    assert note == (
        f"{prepared.size / 1e6:.2f} MB; a browser opens it in about 0.3 s. The weights are "
        "unchanged: the same seed writes the same text."
    )
    assert prepared.discloses == (
        "15 symbols of the vocabulary",
        "1 label",
        "the weights, which can repeat parts of training texts",
    )


def test_rounded_weights_have_their_own_digest_and_their_cost() -> None:
    model = Model(record())
    prepared = prepare_html(model, "int8")
    rounded = round_model(model.record, "int8")
    digest = tensors_digest(rounded.tensors)
    assert prepared.figures["weights_digest"] == digest
    cost = prepared.figures["rounding"]
    assert cost["before"] != cost["after"]
    assert prepared.notes[1] == (
        f"Weights rounded to int8 (digest {digest}): {cost['after'] - cost['before']:+.5f} bits "
        f"per character on texts that the model wrote ({cost['before']:.4f} before, "
        f"{cost['after']:.4f} after). The same seed writes the text of the rounded model; "
        "--save-rounded FOLDER keeps that as a folder."
    )
    page = prepared.files["page"].decode()
    assert f"int8, digest {digest}" in page
    assert "Cost of rounding" in page


def test_the_digest_of_float16_is_that_of_its_folder() -> None:
    prepared = prepare_html(Model(record()), "float16")
    rounded = round_model(record(), "float16")
    assert prepared.figures["weights_digest"] == tensors_digest(rounded.tensors, "fp16")


def test_the_command_on_the_page_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model.load(folder(tmp_path / "runs" / "a b"))
    assert model_name(model) == "a b"
    monkeypatch.chdir(tmp_path)
    assert 'data-run="runs/a b"' in prepare_html(model).files["page"].decode()
    os.mkdir("other")  # noqa: PTH102
    monkeypatch.chdir("other")
    assert 'data-run="a b"' in prepare_html(model).files["page"].decode()
    assert model_name(Model(record())) == "model"


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(SettingsError) as error:
        prepare_html(Model(record()), "bfloat16")
    assert str(error.value) == 'dtype is "bfloat16"; it must be float32, float16, int8.'
