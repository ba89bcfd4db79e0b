import json
from pathlib import Path
from typing import Any

import pytest
from records import folder

from charloom.exchange.known_memorisation import known_memorisation
from charloom.model import Model

OVERLAP = {
    "texts": 10,
    "whole": 0.1,
    "longest_quantiles": {"0.5": 3, "1.0": 40},
    "covered": {"50": 0.25},
    "spans": [{"text": "secret"}],
}
DATE = "2026-02-02"


def report(model: Model) -> dict[str, Any]:
    return {
        "provenance": {"date": DATE},
        "model": {"reached": dict(model.record.metrics)},
        "memorisation": {"samples": OVERLAP, "held_out": OVERLAP},
    }


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model.load(folder(tmp_path / "run", provenance={"date": DATE}))


def write(model: Model, content: object) -> None:
    assert model.folder is not None
    (model.folder / "report.json").write_text(json.dumps(content), "utf-8")


def test_figures_of_the_report_without_its_texts(model: Model) -> None:
    assert known_memorisation(model) is None
    write(model, report(model))
    expected = {
        "texts": 10,
        "whole": 0.1,
        "longest_quantiles": {"1.0": 40},
        "covered": {"50": 0.25},
    }
    assert known_memorisation(model) == {"samples": expected, "held_out": expected}
    assert known_memorisation(Model(model.record)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"provenance": {"date": "2026-03-03"}},
        {"model": {"reached": {"step": 8}}},
        {"memorisation": None},
        {"memorisation": {"samples": OVERLAP}},
        {"memorisation": {"samples": OVERLAP | {"texts": "| x |"}, "held_out": OVERLAP}},
        {"memorisation": {"samples": OVERLAP | {"whole": None}, "held_out": OVERLAP}},
    ],
)
def test_a_report_of_another_model_or_a_changed_one_has_none(
    change: dict[str, Any], model: Model
) -> None:
    write(model, report(model) | change)
    assert known_memorisation(model) is None


def test_a_damaged_report_has_none(model: Model) -> None:
    assert model.folder is not None
    for content in (b"", b"[1]", b"[" * 100_000, b"\xff"):
        (model.folder / "report.json").write_bytes(content)
        assert known_memorisation(model) is None
