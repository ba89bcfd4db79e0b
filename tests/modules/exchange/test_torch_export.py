import json

import numpy as np
from records import record
from safetensors.numpy import load

from charloom.exchange.torch_export import prepare_torch
from charloom.model import Model
from charloom.model_folder.weights import tensors_digest


def test_three_files_without_training_text() -> None:
    model = Model(record(("x",)))
    prepared = prepare_torch(model)
    assert list(prepared.files) == ["model.safetensors", "vocabulary.json", "model.py"]
    vocabulary = json.loads(prepared.files["vocabulary.json"])
    assert vocabulary["symbols"] == list(model.record.vocabulary.symbols)
    assert vocabulary["labels"] == ["x"]
    assert "counts" not in vocabulary
    state = load(prepared.files["model.safetensors"])
    assert np.array_equal(state["linear.weight"], model.record.tensors["output.weight"])
    assert b'"format":"pt"' in prepared.files["model.safetensors"]
    assert prepared.figures == {
        "module": "nn.LSTM",
        "weights_digest": tensors_digest(model.record.tensors),
    }
    assert prepared.discloses == (
        "15 symbols of the vocabulary",
        "1 label",
        "the weights, which can repeat parts of training texts",
    )


def test_the_notes() -> None:
    prepared = prepare_torch(Model(record()))
    assert prepared.notes == (
        f"{prepared.size / 1e6:.2f} MB; python FOLDER/model.py PROMPT writes a greedy and a "
        "sampled text (it needs torch and safetensors). A seed writes another text than in "
        "charloom.",
    )
    vocabulary = type(record().vocabulary)(
        level="word", symbols=("<eos>", "<unk>", "ab"), counts=(1, 1, 1)
    )
    [_, note] = prepare_torch(Model(record(vocabulary=vocabulary))).notes
    assert note == (
        "model.py splits a prompt into the longest known symbols, which can differ from "
        "charloom's split."
    )
