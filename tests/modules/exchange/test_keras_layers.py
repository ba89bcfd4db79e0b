"""Layers that are refused, by message; layers that are accepted: test_keras_import.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.exchange.hdf5_values import Hdf5Error
from charloom.exchange.keras_layers import SUPPORTED, UnsupportedLayerError, read_layers

Layers = list[dict[str, Any]]


def layer(kind: str, name: str = "x", **settings: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **settings}}


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"layers": list(layers)}}


LSTM = layer("LSTM", "lstm")
DENSE = layer("Dense", "dense", activation="softmax")
WEIGHTS: dict[str, list[tuple[int, ...]]] = {
    "Embedding": [(5, 3)],
    "LSTM": [(5, 8), (2, 8), (8,)],
    "GRU": [(5, 6), (2, 6), (2, 6)],
    "SimpleRNN": [(5, 2), (2, 2), (2,)],
    "Dense": [(2, 5), (5,)],
}


def read(config: Any, **changes: list[tuple[int, ...]]) -> Any:
    shapes = WEIGHTS | changes

    def weights(kind: str, name: str) -> list[NDArray[np.float32]]:
        return [np.ones(shape, np.float32) for shape in shapes[kind]]

    return read_layers(config, weights)


def refused(config: Any, **changes: list[tuple[int, ...]]) -> str:
    with pytest.raises(UnsupportedLayerError) as error:
        read(config, **changes)
    return str(error.value)


def damaged(config: Any, **changes: list[tuple[int, ...]]) -> str:
    with pytest.raises(Hdf5Error) as error:
        read(config, **changes)
    return str(error.value)


def test_a_plain_model_is_read() -> None:
    settings, tensors, masks = read(model(layer("InputLayer"), LSTM, DENSE))
    assert (settings.cell, settings.hidden, settings.input, masks) == ("lstm", 2, "one-hot", False)
    assert tensors["cells.0.input_table"].shape == (5, 8)
    settings, _, _ = read({"class_name": "Sequential", "config": [LSTM, DENSE]})
    assert settings.layers == 1


def test_logits_and_a_layer_of_softmax() -> None:
    for last in (layer("Activation", activation="softmax"), layer("Softmax")):
        read(model(LSTM, layer("Dense", activation="linear"), last))
    read(model(LSTM, layer("Dense", activation=None)))


@pytest.mark.parametrize("kind", ["Functional", "Model", None])
def test_other_models(kind: str | None) -> None:
    assert refused({"class_name": kind}) == (
        f'is a model of class "{kind}"; supported: Sequential, with {SUPPORTED}.'
    )


@pytest.mark.parametrize(
    "kind", ["Bidirectional", "Conv1D", "CuDNNLSTM", "Flatten", "Lambda", "RNN", "StackedRNNCells"]
)
def test_other_layers_are_named(kind: str) -> None:
    assert refused(model(LSTM, layer(kind, "own"), DENSE)) == (
        f'has the layer "own" of class "{kind}"; supported: {SUPPORTED}.'
    )


@pytest.mark.parametrize(
    ("layers", "name", "kind"),
    [
        ([DENSE, LSTM], "lstm", "LSTM"),
        ([LSTM, DENSE, DENSE], "dense", "Dense"),
        ([LSTM, layer("Embedding"), DENSE], "x", "Embedding"),
        ([layer("Embedding"), layer("Embedding"), LSTM, DENSE], "x", "Embedding"),
    ],
)
def test_layers_out_of_order(layers: Layers, name: str, kind: str) -> None:
    assert refused(model(*layers)) == (
        f'has the layer "{name}" of class "{kind}" out of order; supported: {SUPPORTED}.'
    )


@pytest.mark.parametrize(
    ("layers", "recurrent", "dense"), [([DENSE], 0, 1), ([LSTM], 1, 0), ([LSTM] * 17, 17, 0)]
)
def test_numbers_of_layers(layers: Layers, recurrent: int, dense: int) -> None:
    assert refused(model(*layers)) == (
        f"has {recurrent} recurrent layers and {dense} Dense layers; supported: 1 to 16 and 1: "
        f"{SUPPORTED}."
    )


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("LSTM", {"activation": "relu"}, 'activation "relu"; supported: tanh.'),
        (
            "LSTM",
            {"recurrent_activation": "hard_sigmoid"},
            'recurrent_activation "hard_sigmoid"; supported: sigmoid.',
        ),
        ("SimpleRNN", {"go_backwards": True}, 'go_backwards "True"; supported: False.'),
        ("GRU", {"reset_after": False}, 'reset_after "False"; supported: True.'),
        ("GRU", {}, 'reset_after "False"; supported: True.'),
        ("LSTM", {"time_major": True}, 'time_major "True"; supported: False.'),
        ("LSTM", {"activation": {"f": 1}}, "activation \"{'f': 1}\"; supported: tanh."),
    ],
)
def test_other_settings(kind: str, settings: dict[str, Any], message: str) -> None:
    given = layer(kind, "cell", **settings)
    assert refused(model(given, DENSE)) == f'has the layer "cell" ({kind}) with {message}'


def test_other_outputs() -> None:
    assert refused(model(LSTM, layer("Dense", activation="relu"))) == (
        'has the layer "x" (Dense) with activation "relu"; supported: softmax, linear, none.'
    )
    assert refused(model(LSTM, layer("TimeDistributed", "td", layer=layer("Conv1D")))) == (
        'has the layer "td", TimeDistributed of "Conv1D"; supported: TimeDistributed of Dense.'
    )
    assert refused(model(LSTM, DENSE, layer("Softmax"))) == (
        "applies softmax in Dense and in Softmax; supported: one softmax."
    )
    assert refused(model(LSTM, DENSE), Dense=[(2, 6), (6,)]) == (
        "reads 5 symbols and predicts 6; supported: the same."
    )


def test_layers_of_two_kinds() -> None:
    gru = layer("GRU", reset_after=True)
    assert refused(model(LSTM, gru, DENSE)) == (
        "has layers of LSTM and GRU; supported: one kind of recurrent layer."
    )


def test_layers_of_very_different_sizes_would_take_memory() -> None:
    small = [(50_000, 4), (1, 4), (4,)]
    large = [(1, 4000), (1000, 4000), (4000,)]
    both = iter([small, large])

    def weights(kind: str, name: str) -> list[NDArray[np.float32]]:
        shapes = next(both) if kind == "LSTM" else [(1000, 50_000), (50_000,)]
        return [np.zeros(shape, np.float32) for shape in shapes]

    with pytest.raises(UnsupportedLayerError) as error:
        read_layers(model(LSTM, LSTM, DENSE), weights)
    assert str(error.value) == (
        "has recurrent layers of 1 to 1,000 units; supported: layers of similar sizes."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"LSTM": []}, 'has other weights than the layer "lstm" has: none'),
        ({"LSTM": [(5,), (2, 8)]}, 'has other weights than the layer "lstm" has: (5,), (2, 8)'),
        ({"LSTM": [(5, 9), (2, 8)]}, 'has weights of other sizes than the layer "lstm" has'),
        ({"LSTM": [(0, 8), (2, 8)]}, 'has the layer "lstm" of size 0'),
        ({"Dense": [(3, 5)]}, "has layers whose sizes do not fit each other"),
    ],
)
def test_weights_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    assert damaged(model(LSTM, DENSE), **changes) == message


def test_weights_must_be_finite() -> None:
    def weights(kind: str, name: str) -> list[NDArray[np.float32]]:
        return [np.full(shape, np.nan, np.float32) for shape in WEIGHTS[kind]]

    with pytest.raises(Hdf5Error, match='^has NaN or infinity in the layer "lstm"$'):
        read_layers(model(LSTM, DENSE), weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: {"class_name": "Sequential", "config": {}}, "has no list of layers"),
        (lambda: model([1]), "has a layer without a class"),  # type: ignore[arg-type]
        (lambda: model({"class_name": 3, "config": {}}), "has a layer without a class"),
    ],
)
def test_damaged_configurations(change: Callable[[], Any], message: str) -> None:
    assert damaged(change()) == message
