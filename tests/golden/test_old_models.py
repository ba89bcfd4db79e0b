"""Model folders of commit ea5ef48 load and generate the same; its checkpoint is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import charloom

MODELS = Path(__file__).parent / "models"
EXPECTED = json.loads((MODELS / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("case", [case for case in EXPECTED if "texts" in case], ids=json.dumps)
def test_an_old_model_generates_the_same_texts(case: dict[str, Any]) -> None:
    options = dict(case["options"])
    prompt = options.pop("prompt", "")
    assert charloom.load(MODELS / case["model"]).generate(prompt, **options) == case["texts"]


@pytest.mark.parametrize("case", [case for case in EXPECTED if "score" in case], ids=json.dumps)
def test_an_old_model_scores_lines_the_same(case: dict[str, Any]) -> None:
    bits = charloom.load(MODELS / case["model"]).score(case["lines"])
    assert bits == pytest.approx(case["score"], rel=1e-5)


def test_an_old_checkpoint_is_refused_with_what_to_do(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(MODELS / "stopped", run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(charloom.ResumeError) as caught:
        charloom.train(MODELS / "lines.csv", output=run, resume=True)
    assert str(caught.value) == (
        f"{run / 'checkpoint'} has checkpoint format 3; this charloom resumes format 4 only: use "
        "the older charloom, or begin the run anew with --force."
    )
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert charloom.load(run).generate(), "the model itself loads"
