"""Which rows of which parameters are frozen, and where the others are in the flat array."""

from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, network_id

from charloom.network.freezing import frozen_rows, trained_names, trained_spans
from charloom.network.parameters import KINDS, Parameters, parameter_shapes
from charloom.settings import Freeze, NetworkSettings

EMBEDDED = NetworkSettings(cell="gru", hidden=4, layers=3, input=2)
LAYER = ("input_weight", "recurrent_weight", "bias", "recurrent_bias")


@pytest.mark.parametrize(
    ("freeze", "names"),
    [
        ("none", []),
        ("embedding", ["embedding.weight"]),
        (1, ["embedding.weight", *(f"cells.0.{name}" for name in LAYER)]),
        (2, ["embedding.weight", *(f"cells.{k}.{name}" for k in (0, 1) for name in LAYER)]),
    ],
)
def test_a_frozen_layer_includes_all_below_it(freeze: Freeze, names: list[str]) -> None:
    shapes = parameter_shapes(EMBEDDED, 9, labels=2)
    frozen = frozen_rows(shapes, freeze, symbols=7)
    assert list(frozen) == names
    assert all(rows == (7 if "emb" in name else shapes[name][0]) for name, rows in frozen.items())
    assert {*shapes} - {*trained_names(shapes, frozen)} == {*names} - {"embedding.weight"}


def test_input_weights_of_known_symbols_are_frozen_with_the_lowest_layer() -> None:
    network: Any = NetworkSettings(cell="rnn", hidden=4, layers=1, input="one-hot")
    shapes = parameter_shapes(network, 9)
    frozen = frozen_rows(shapes, 1, symbols=7)
    assert frozen == {"cells.0.input_table": 7, "cells.0.recurrent_weight": 4, "cells.0.bias": 4}
    assert "cells.0.input_table" not in trained_names(shapes, frozen_rows(shapes, 1, symbols=9))


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
@pytest.mark.parametrize("symbols", [0, 3, 7])
def test_spans_are_all_trained_numbers(settings: NetworkSettings, symbols: int) -> None:
    parameters = Parameters(parameter_shapes(settings, 7, labels=2))
    frozen = frozen_rows(parameters.shapes, 1, symbols)
    for kind in KINDS:
        for span in trained_spans(parameters, kind, frozen):
            assert parameters.kinds[kind].start <= span.start < span.stop
            assert span.stop <= parameters.kinds[kind].stop
            parameters.flat_P[span] += 1
    for name, array in parameters.arrays.items():
        rows = frozen.get(name, 0)
        assert not array[:rows].any() and (array[rows:] == 1).all(), name
    assert np.isin(parameters.flat_P, (0, 1)).all(), "no span overlaps another"
