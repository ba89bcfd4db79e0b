import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, network_id
from numpy.typing import NDArray
from records import record
from safetensors.numpy import save_file

from charloom import import_model
from charloom.errors import ModelFolderError
from charloom.exchange.torch_import import import_torch
from charloom.exchange.torch_names import to_torch
from charloom.model import Model
from charloom.settings import NetworkSettings

SYMBOLS = list("abc\nd")
STATE: dict[str, tuple[int, ...]] = {
    "encoder.weight": (5, 3),
    "core.weight_ih_l0": (16, 3),
    "core.weight_hh_l0": (16, 4),
    "core.bias_ih_l0": (16,),
    "core.bias_hh_l0": (16,),
    "decoder.weight": (5, 4),
    "decoder.bias": (5,),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def arrays(shapes: dict[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    chance = np.random.default_rng(0)
    return {
        name: chance.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }


def write(path: Path, changes: dict[str, Any], *removed: str) -> None:
    shapes = {name: shape for name, shape in STATE.items() if name not in removed}
    save_file(arrays(shapes | changes), path)


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_an_export_comes_back_bit_for_bit(settings: NetworkSettings, path: Path) -> None:
    model = record(network=settings)
    save_file(to_torch(settings, model.tensors), path)
    back = import_model(path, symbols=model.vocabulary.symbols).record
    assert back.network == dataclasses.replace(settings, dropout=0.0)
    assert back.vocabulary.symbols == model.vocabulary.symbols
    assert back.tensors.keys() == model.tensors.keys()
    assert all(np.array_equal(back.tensors[name], model.tensors[name]) for name in model.tensors)
    assert Model(back).generate("a", length=20) == Model(model).generate("a", length=20)


def test_rows_of_symbols_are_in_the_order_of_the_file(path: Path) -> None:
    write(path, {})
    imported = import_torch(path)
    state = arrays(STATE)
    assert imported.size == len(SYMBOLS)
    assert np.array_equal(imported.tensors["embedding.weight"], state["encoder.weight"])
    assert np.array_equal(imported.tensors["output.bias"], state["decoder.bias"])
    model = import_model(path, symbols=SYMBOLS)
    assert model.record.is_one_stream
    [text] = model.generate("ab", length=30, seed=1)
    assert len(text) == 32
    assert set(text) <= set(SYMBOLS)


def test_a_simple_network_names_the_assumed_nonlinearity(path: Path) -> None:
    shapes = {
        "weight_ih_l0": (4, 5),
        "weight_hh_l0": (4, 4),
        "fc.weight": (5, 4),
        "fc.bias": (5,),
    }
    save_file(arrays(shapes), path)
    imported = import_torch(path)
    assert imported.network.cell == "rnn"
    assert imported.network.input == "one-hot"
    assert not imported.tensors["cells.0.bias"].any()
    assert imported.notes == (
        "nn.RNN is read with tanh, since a state dict does not name the nonlinearity.",
    )


ADVICE = "; export one nn.Embedding, one nn.LSTM, nn.GRU or nn.RNN, and one nn.Linear."
REFUSED: list[tuple[dict[str, tuple[int, ...]], tuple[str, ...], str]] = [
    (
        {"core.weight_ih_l0_reverse": (16, 3)},
        (),
        'has "core.weight_ih_l0_reverse": a bidirectional layer, which cannot write texts',
    ),
    (
        {"core.weight_hr_l0": (2, 4)},
        (),
        'has "core.weight_hr_l0": an LSTM with proj_size, which is not supported',
    ),
    (
        {"cell.weight_ih": (16, 3)},
        (),
        'has "cell.weight_ih": a single cell such as nn.LSTMCell, not supported',
    ),
    ({"other.weight_ih_l0": (16, 3)}, (), 'has several recurrent modules ("core.", "other.")'),
    (
        {},
        ("decoder.weight",),
        'has no "decoder.weight": weights tied to the embedding are not supported',
    ),
    (
        {},
        ("decoder.bias",),
        "has no output layer with a bias; nn.Linear(..., bias=False) is not supported",
    ),
    (
        {f"{'a' * 1000}.weight_ih_l0": (16, 3)},
        (),
        f'has several recurrent modules ("{"a" * 60}...", "core.")',
    ),
    ({"norm.bias": (4,)}, (), 'has several layers with a bias ("decoder.bias", "norm.bias")'),
    (
        {"attention.weight": (4, 4)},
        (),
        'has more than the network ("attention.weight", "encoder.weight")',
    ),
    ({}, ("encoder.weight",), "has 5 symbols and inputs of 3, but no embedding"),
    (
        {"encoder.weight": (5, 2)},
        (),
        'has "encoder.weight", which is no embedding of 5 symbols by 3 inputs',
    ),
    ({}, ("core.bias_hh_l0",), "has no bias_hh_l0"),
    (
        {"core.weight_hh_l0": (16, 5)},
        (),
        "has weight_hh_l0 of 16 rows for 5 units; an RNN has 1, a GRU 3 and an LSTM 4 times as "
        "many",
    ),
    ({"core.weight_hh_l0": (16,)}, (), "has weight_hh_l0 that is no matrix"),
    ({"core.weight_ih_l0": (12, 3)}, (), "has weights of other shapes in layer 0"),
    ({"core.bias_ih_l0": (15,)}, (), "has biases of other shapes in layer 0"),
    (
        {"decoder.weight": (5, 3)},
        (),
        'has "decoder.weight" of other axes than symbols by 4 units',
    ),
    (
        {"core.weight_ih_l2": (16, 4)},
        (),
        "has recurrent layers that are not numbered from 0, or too many",
    ),
    (
        {
            "core.weight_ih_l1": (16, 8),
            "core.weight_hh_l1": (16, 4),
            "core.bias_ih_l1": (16,),
            "core.bias_hh_l1": (16,),
        },
        (),
        "has weight_ih_l1 of a bidirectional module",
    ),
    (
        {},
        tuple(name for name in STATE if name.startswith("core.")),
        "has no weight_ih_l0, so it has no nn.LSTM, nn.GRU or nn.RNN",
    ),
]


@pytest.mark.parametrize(("changes", "removed", "fault"), REFUSED)
def test_other_networks_are_refused_by_name(
    changes: dict[str, Any], removed: tuple[str, ...], fault: str, path: Path
) -> None:
    write(path, changes, *removed)
    with pytest.raises(ModelFolderError) as error:
        import_torch(path)
    assert str(error.value) == f"{path} {fault}{ADVICE}"
