from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, network_id, random_tensors

from charloom.model_folder.record_check import check_facts, check_tensors
from charloom.settings import NetworkSettings


@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_tensors_of_the_settings_pass(settings: NetworkSettings) -> None:
    check_tensors(settings, 7, 2, random_tensors(settings, 7, 2))


def test_other_tensors_are_refused() -> None:
    settings = NetworkSettings(hidden=5, input=3)
    tensors = random_tensors(settings, 7, 2)
    wrong: list[dict[str, Any]] = [
        {name: tensor for name, tensor in tensors.items() if name != "output.bias"},
        tensors | {"more": np.zeros(1, np.float32)},
        tensors | {"output.bias": np.zeros(8, np.float32)},
    ]
    for changed in wrong:
        with pytest.raises(ValueError, match="other names or shapes"):
            check_tensors(settings, 7, 2, changed)
    with pytest.raises(ValueError, match="more layers than tensors"):
        check_tensors(NetworkSettings(hidden=5, input=3, layers=10**12), 7, 2, tensors)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [1]},
        {"labels": ["x", "x"]},
        {"metrics": {"step": "7"}},
        {"metrics": {"step": 10**400}},
        {"calibration": {"mean": [1]}},
        {"calibration": 5},
        {"provenance": {"training_documents": "x"}},
        {"provenance": {"sources": "x"}},
        {"provenance": {"date": 5}},
        {"provenance": {"lineage": {}}},
        {"provenance": []},
    ],
)
def test_facts_of_other_types_are_refused(changes: dict[str, Any]) -> None:
    facts: dict[str, Any] = {"labels": (), "metrics": {}, "calibration": None, "provenance": {}}
    check_facts(**facts)
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError, OverflowError)):
        check_facts(**facts | changes)
