"""One small model, trained on hostile texts, and its findings, for all tests of the report."""

import json
from pathlib import Path

import pytest
from hostile import LABELS, TEXT

import charloom
from charloom.evaluation.model_parts import ModelParts
from charloom.report.analyze import analyze
from charloom.report.findings import Findings


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model with labels, whose name needs escaping in HTML too."""
    folder = tmp_path_factory.mktemp("report")
    rows = [{"text": f"{TEXT} & number {k} </style>", "label": LABELS[k % 2]} for k in range(80)]
    source = folder / "texts.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    charloom.train(
        source,
        output=folder / "a<b>&run",
        columns=("text",),
        label_column="label",
        clean=False,
        steps=5,
        hidden=8,
        device="cpu",
        seed=1,
    )
    return folder / "a<b>&run"


@pytest.fixture(scope="session")
def findings(run: Path) -> Findings:
    found = analyze(ModelParts.load(run), chosen=["</b><script>1</script>", "naïve\ttext"])
    assert isinstance(found, Findings)
    return found
