"""The tables of docs/scaling.md are those that its formulas give."""

import math
import runpy
from pathlib import Path
from typing import Any

import pytest

from charloom.network.autograd.module import Network
from charloom.settings import NetworkSettings

ROOT = Path(__file__).parents[2]
PAPER: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "scaling_on_paper.py"))


def test_the_document_has_the_tables() -> None:
    document = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    for lines in PAPER["tables"]():
        assert "\n".join(lines) in document


@pytest.mark.parametrize("layers", PAPER["LAYERS"])
@pytest.mark.parametrize("hidden", PAPER["HIDDEN"])
def test_parameters_are_those_of_the_network(hidden: int, layers: int) -> None:
    settings = NetworkSettings(hidden=hidden, layers=layers, input=PAPER["EMBEDDING"])
    network = Network(settings, PAPER["SYMBOLS"])
    count = sum(parameter.numel() for parameter in network.parameters())
    assert PAPER["parameters"](hidden, layers) == count


def test_a_ring_takes_as_long_as_its_messages_one_by_one() -> None:
    seconds = 0.0
    for _ in range(2 * (5 - 1)):  # reduce, then gather
        seconds += 0.003 + 1000 / 5 / 4000.0
    assert PAPER["all_reduce"](1000, 5, 4000.0, 0.003) == pytest.approx(seconds)


def test_the_limits_are_where_they_say() -> None:
    size, compute, link = 1.4e6, 0.02, (1.25e9, 30e-6)
    best = PAPER["strong_limit"](size, compute, *link)
    near = [PAPER["strong"](n, size, compute, *link) for n in (best - 1, best, best + 1)]
    assert max(near) == near[1]
    half = PAPER["weak_limit"](size, compute, *link)
    assert PAPER["weak"](half, size, compute, *link) == pytest.approx(0.5, abs=0.005)
    assert math.isclose(PAPER["weak_limit"](size, 1e-9, *link), 0.0)
