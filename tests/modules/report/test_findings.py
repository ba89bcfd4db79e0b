"""Findings as JSON: complete, and with the names that readers of the file rely on."""

import dataclasses
import json

from charloom.report.analyze import TEMPERATURES
from charloom.report.findings import Findings, Samples


def test_findings_are_a_json_object_of_all_parts(findings: Findings) -> None:
    figures = json.loads(json.dumps(findings.to_json(), allow_nan=False))
    assert list(figures) == [
        *("name", "missing", "model", "curves", "samples", "surprise", "settings", "provenance"),
        *("figures", "baselines", "classification", "diversity", "memorisation"),
    ]
    assert figures["figures"] == json.loads(json.dumps(findings.evaluation.to_json()))
    assert list(figures["samples"][0]["texts"]) == [str(t) for t in TEMPERATURES]
    assert list(figures["settings"]) == ["text", "network", "training"]
    assert len(figures["surprise"]) == len(findings.surprise)


def test_parts_that_were_not_measured_are_null(findings: Findings) -> None:
    without = dataclasses.replace(findings, baselines=None, classification=None)
    figures = without.to_json()
    assert (figures["baselines"], figures["classification"]) == (None, None)


def test_samples_are_lists_by_temperature() -> None:
    samples = Samples(label="x", texts={0.0: ("a",), 0.8: ("b", "c")})
    assert samples.to_json() == {"label": "x", "texts": {"0.0": ["a"], "0.8": ["b", "c"]}}
