"""States and gates against the equations written out, the reference, and the next symbol.

Tolerance: the engine computes in float32, the equations here in float64; about 20 sums of terms of
size 1, each off by 2**-24 or less.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from displays import check_is_safe
from networks import NETWORKS, network_id
from numpy.typing import NDArray
from records import ALPHABET, record

from charloom.errors import LabelError, SettingsError
from charloom.generation.sampling import softmax
from charloom.inspection import states
from charloom.model import Model
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

TEXT = "bad cab é fed"
ATOL = 1e-5
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)

Doubles = NDArray[np.float64]


def model(settings: NetworkSettings) -> Model:
    return Model(record(("x", "y"), network=settings))


def ids_of(one: Model, text: str) -> list[int]:
    return [0, *one.record.vocabulary.encode(text).tolist()]


def sigmoid(x: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-x)))


def by_equations(one: Model, text: str, label: int) -> dict[str, Doubles]:
    """Return hidden and cell states and gates, (T, L, H), by the equations of the reference."""
    settings = one.record.network
    t = {name: tensor.astype(float) for name, tensor in one.record.tensors.items()}
    H, L = settings.hidden, settings.layers
    h = [t["labels.hidden"][label, k] for k in range(L)]
    c = [t["labels.cell"][label, k] if settings.cell == "lstm" else np.zeros(H) for k in range(L)]
    found: dict[str, list[list[Doubles]]] = {}

    def note(**values: Doubles) -> None:
        for name, value in values.items():
            found.setdefault(name, []).append([value])

    for symbol in ids_of(one, text):
        below = None
        for k in range(L):
            if k:
                x = t[f"cells.{k}.input_weight"] @ below + t[f"cells.{k}.bias"]
            elif "cells.0.input_table" in t:
                x = t["cells.0.input_table"][symbol] + t["cells.0.bias"]
            else:
                x = t["cells.0.input_weight"] @ t["embedding.weight"][symbol] + t["cells.0.bias"]
            u = t[f"cells.{k}.recurrent_weight"] @ h[k]
            if settings.cell == "lstm":
                i, f, g, o = np.split(x + u, 4)
                i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
                c[k] = f * c[k] + i * g
                h[k] = o * np.tanh(c[k])
                note(cell=c[k], input=i, forget=f, candidate=g, output=o)
            elif settings.cell == "gru":
                (xr, xz, xn), (ur, uz, un) = np.split(x, 3), np.split(u, 3)
                r, z = sigmoid(xr + ur), sigmoid(xz + uz)
                n = np.tanh(xn + r * (un + t[f"cells.{k}.recurrent_bias"]))
                h[k] = (1 - z) * n + z * h[k]
                note(reset=r, update=z, candidate=n)
            else:
                h[k] = np.tanh(x + u)
            note(hidden=h[k])
            below = h[k]
    return {name: np.array(values).reshape(-1, L, H) for name, values in found.items()}


def arrays(found: states.TextStates) -> Mapping[str, NDArray[Any]]:
    cell = {} if found.cell is None else {"cell": found.cell}
    return {"hidden": found.hidden, **cell, **found.gates}


@networks
def test_states_and_gates_are_those_of_the_equations(settings: NetworkSettings) -> None:
    one = model(settings)
    found = arrays(one.states(TEXT, label="y"))
    expected = by_equations(one, TEXT, label=1)
    assert set(found) == set(expected)
    for name, values_TLH in expected.items():
        assert found[name].shape == (len(TEXT) + 1, settings.layers, settings.hidden)
        np.testing.assert_allclose(found[name], values_TLH, rtol=0, atol=ATOL, err_msg=name)


@networks
def test_states_are_those_of_the_reference(settings: NetworkSettings) -> None:
    one = model(settings)
    found = one.states(TEXT)
    reference = Network(settings, one.record.tensors)
    state = reference.initial_state(np.array([-1]))
    for position, index in enumerate(ids_of(one, TEXT)):
        state = reference.advance(np.array([index]), state)
        np.testing.assert_allclose(
            found.hidden[position], state.hidden[:, 0], rtol=0, atol=ATOL, err_msg=str(position)
        )
        assert (found.cell is None) == (state.cell is None)


@networks
def test_the_last_state_predicts_the_next_symbol(settings: NetworkSettings) -> None:
    one = model(settings)
    top_H = one.states(TEXT, "x").hidden[-1, -1]
    weight_VH, bias_V = one.record.tensors["output.weight"], one.record.tensors["output.bias"]
    logits_V = weight_VH.astype(float) @ top_H + bias_V
    chances_V = np.exp(logits_V - logits_V.max())
    chances_V /= chances_V.sum()
    ids = {symbol: index for index, symbol in enumerate(one.record.vocabulary.symbols)}
    for symbol, probability in one.next(TEXT, "x"):
        assert probability == pytest.approx(chances_V[ids[symbol]], abs=1e-6)
    assert softmax(one.engine.logits(one.states(TEXT, "x").at(-1).to_batch(settings)))[
        0
    ].tolist() == pytest.approx(chances_V.tolist(), abs=1e-6)


def test_positions_are_the_boundary_and_the_symbols() -> None:
    one = model(NetworkSettings(cell="gru", hidden=4, layers=2))
    found = one.states("ab")
    assert found.symbols == ("<eos>", "a", "b")
    assert (found.text, found.label) == ("ab", None)
    assert one.states("").symbols == ("<eos>",)
    for position, text in enumerate(["", "a", "ab"]):
        np.testing.assert_array_equal(
            one.states(text).at(-1).hidden, found.at(position).hidden, strict=True
        )
    with pytest.raises(IndexError):
        found.at(3)
    with pytest.raises(ValueError, match="read-only"):
        found.hidden[0] = 0


def test_gates_of_a_long_text_are_those_of_its_beginning() -> None:
    """The gates are computed in blocks of positions."""
    one = model(NetworkSettings(cell="lstm", hidden=4))
    text = "".join(np.random.default_rng(0).choice(list(ALPHABET[:8]), 600))
    long, short = one.states(text), one.states(text[:90])
    for name, values_TLH in arrays(short).items():
        np.testing.assert_array_equal(arrays(long)[name][:91], values_TLH, strict=True)
    whole = by_equations(Model(record(("x",), network=one.record.network)), text, 0)
    assert len(whole["hidden"]) == len(long.hidden) == 601


def test_gates_explain_the_states_exactly() -> None:
    """In float32 too, c' = f * c + i * g, and h is between -1 and 1."""
    found = model(NetworkSettings(cell="lstm", hidden=4)).states(TEXT)
    assert found.cell is not None
    i, f, g = (found.gates[name][1:] for name in ("input", "forget", "candidate"))
    np.testing.assert_array_equal(found.cell[1:], f * found.cell[:-1] + i * g)
    assert np.abs(found.hidden).max() < 1


def test_plain_values_have_all_fields() -> None:
    found = model(NetworkSettings(cell="gru", hidden=2)).states("a")
    plain = found.to_dict()
    assert set(plain["gates"]) == {"reset", "update", "candidate"}
    assert np.array(plain["hidden"]).shape == (2, 1, 2)
    assert plain["cell"] is None
    assert math.isclose(plain["hidden"][1][0][1], float(found.hidden[1, 0, 1]))


def test_wrong_arguments_are_refused() -> None:
    one = model(NetworkSettings(cell="rnn", hidden=2))
    with pytest.raises(LabelError, match="known labels: x, y"):
        one.states("a", "z")
    with pytest.raises(SettingsError, match="^prompt is 5; it must be a text"):
        one.states(5)  # type: ignore[arg-type]
    assert one.states("a").gates == {}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_states_are_shown_by_name_layer_and_unit(cell: Any) -> None:
    found = model(NetworkSettings(cell=cell, hidden=16, layers=2)).states(TEXT)
    for name, values_TLH in arrays(found).items():
        for layer in (0, 1, -1, -2):
            shown = found.show(name, layer=layer, units=np.array([3, 0, 15]))
            np.testing.assert_array_equal(shown.values_TU, values_TLH[:, layer, [3, 0, 15]])
            assert shown.units == (3, 0, 15)
            assert shown.symbols == found.symbols
            assert f"layer {layer % 2}" in shown.title
            assert name in shown.title.lower()
            assert shown.signed == (values_TLH.min() < 0)
            largest = np.abs(shown.values_TU).max()
            assert shown.scale == (pytest.approx(largest) if name == "cell" else 1)
    assert found._repr_html_() == found.show("hidden", layer=1)._repr_html_()
    check_is_safe(found._repr_html_())


def test_units_of_the_largest_variance_are_shown() -> None:
    found = model(NetworkSettings(cell="gru", hidden=40)).states(TEXT)
    variances = [
        sum((value - sum(unit) / len(unit)) ** 2 for value in unit) / len(unit)
        for unit in found.hidden[:, 0].T.astype(float).tolist()
    ]
    ranked = sorted(range(40), key=lambda unit: -variances[unit])
    assert found.show().units == tuple(ranked[: states.SHOWN_UNITS])
    small = model(NetworkSettings(cell="gru", hidden=3)).states("")
    assert sorted(small.show(units=np.array([2, 1])).units) == [1, 2]
    assert small.show().units == (0, 1, 2), "equal variances are in the order of the units"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cell"}, "name is 'cell'; this model has hidden, reset, update, candidate."),
        ({"name": 3}, "name is 3; this model has hidden, reset, update, candidate."),
        ({"layer": 2}, "layer is 2; it must be a whole number from -2 to 1."),
        ({"layer": "top"}, "layer is 'top'; it must be a whole number from -2 to 1."),
        ({"layer": True}, "layer is True; it must be a whole number from -2 to 1."),
        ({"units": [0, 4]}, "units has 4; give whole numbers from 0 to 3, such as [0, 3]."),
        ({"units": [-1]}, "units has -1; give whole numbers from 0 to 3, such as [0, 3]."),
        ({"units": [0.5]}, "units has 0.5; give whole numbers from 0 to 3, such as [0, 3]."),
        ({"units": 2}, "units is 2; give whole numbers from 0 to 3, such as [0, 3]."),
        ({"units": []}, "units is []; give whole numbers from 0 to 3, such as [0, 3]."),
        ({"units": "01"}, "units is '01'; give whole numbers from 0 to 3, such as [0, 3]."),
    ],
)
def test_what_the_model_does_not_have_is_not_shown(arguments: Any, message: str) -> None:
    found = model(NetworkSettings(cell="gru", hidden=4, layers=2)).states("a")
    with pytest.raises(SettingsError) as error:
        found.show(**arguments)
    assert str(error.value) == message
