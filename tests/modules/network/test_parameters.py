"""Parameters in one array: shapes, places, copies, counts."""

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors, tensor_shapes

from charloom.network.parameters import (
    KINDS,
    Parameters,
    kind_of,
    parameter_counts,
    parameter_shapes,
)
from charloom.settings import NetworkSettings

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


@networks
@pytest.mark.parametrize("labels", [0, 2])
def test_shapes_are_those_of_the_model_folder(settings: NetworkSettings, labels: int) -> None:
    assert parameter_shapes(settings, 7, labels) == tensor_shapes(settings, 7, labels)


@networks
def test_parameters_share_one_array_and_nothing_overlaps(settings: NetworkSettings) -> None:
    parameters = Parameters(parameter_shapes(settings, 7, labels=2))
    assert not parameters.flat_P.any()
    for number, array in enumerate(parameters.arrays.values(), start=1):
        assert array.ctypes.data % 64 == 0, "each begins at a cache line"
        array[...] += number
    for number, array in enumerate(parameters.arrays.values(), start=1):
        assert (array == number).all()
    sizes = {number: a.size for number, a in enumerate(parameters.arrays.values(), start=1)}
    values, counts = np.unique(parameters.flat_P, return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert {number: found[number] for number in sizes} == sizes, "all are in the flat array"


@networks
def test_kinds_are_adjacent_spans_of_their_parameters(settings: NetworkSettings) -> None:
    parameters = Parameters(parameter_shapes(settings, 7, labels=2))
    spans = [parameters.kinds[kind] for kind in KINDS]
    assert [span.start for span in spans[1:]] == [span.stop for span in spans[:-1]]
    assert (spans[0].start, spans[-1].stop) == (0, len(parameters.flat_P))
    for kind in KINDS:
        parameters.flat_P[:] = 0
        parameters.flat_P[parameters.kinds[kind]] = 1
        for name, array in parameters.arrays.items():
            assert array.all() if kind_of(name) == kind else not array.any()


def test_the_kinds_of_a_part_have_the_layout_of_the_whole() -> None:
    """Optimizer states have the parameters of some kinds only."""
    shapes = parameter_shapes(NetworkSettings(cell="gru", hidden=5, input=3, layers=2), 7, labels=2)
    whole = Parameters(shapes)
    part = Parameters({n: s for n, s in shapes.items() if kind_of(n) in ("matrix", "label")})
    for kind in ("matrix", "label"):
        own, other = part.kinds[kind], whole.kinds[kind]
        assert own.stop - own.start == other.stop - other.start
    whole.load(random_tensors(NetworkSettings(cell="gru", hidden=5, input=3, layers=2), 7, 2))
    part.load(whole.arrays)
    matrices = part.flat_P[part.kinds["matrix"]]
    assert (matrices == whole.flat_P[whole.kinds["matrix"]]).all()


@networks
def test_loaded_tensors_are_copied_with_the_same_bits(settings: NetworkSettings) -> None:
    tensors = random_tensors(settings, 7, labels=2)
    parameters = Parameters(parameter_shapes(settings, 7, labels=2))
    parameters.load(tensors)
    copies = parameters.tensors()
    parameters.flat_P[:] = 0
    assert copies.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert copies[name].tobytes() == tensor.tobytes()


def test_parameters_are_counted_from_input_to_output() -> None:
    settings = NetworkSettings(cell="gru", hidden=4, layers=2, input=3)
    assert parameter_counts(parameter_shapes(settings, 5, labels=2)) == [
        ("embedding", 5 * 3),
        ("cells.0", 12 * 3 + 12 * 4 + 12 + 4),
        ("cells.1", 12 * 4 + 12 * 4 + 12 + 4),
        ("labels", 2 * 2 * 4),
        ("output", 5 * 4 + 5),
    ]
