"""The files for a forge agree with pyproject.toml and the Makefile; no forge has run them here."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("yaml")

ROOT = Path(__file__).parents[2]
FORGE = ROOT / ".github"
FORMS = [FORGE / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "wish.yml")]


def load(path: Path) -> dict[str, Any]:
    import yaml

    content = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def jobs() -> dict[str, Any]:
    found = load(FORGE / "workflows" / "ci.yml")["jobs"]
    assert isinstance(found, dict)
    return found


def steps() -> list[dict[str, Any]]:
    return [step for job in jobs().values() for step in job["steps"]]


def test_every_promised_python_and_system_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    promised = [c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith(prefix)]
    matrix = jobs()["test"]["strategy"]["matrix"]
    assert matrix["python"] == promised
    assert project["requires-python"] == f">={promised[0]}"
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_targets_and_extras_exist() -> None:
    commands = " ".join(step.get("run", "") for step in steps())
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z-]+)", commands)
    assert {"browser", "check", "docs", "test"} <= set(named) <= set(targets)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [
        extra for group in re.findall(r"\.\[([a-z,]+)\]", commands) for extra in group.split(",")
    ]
    assert extras
    assert set(extras) <= set(project["optional-dependencies"])


def test_actions_have_a_major_version_and_rights_are_few() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)
    assert load(FORGE / "workflows" / "ci.yml")["permissions"] == {"contents": "read"}


def test_the_workflow_says_that_it_has_not_run() -> None:
    head = (FORGE / "workflows" / "ci.yml").read_text("utf-8").partition("\nname:")[0]
    assert "has not run on a forge yet" in head
    assert ".ci/run" in head


@pytest.mark.parametrize(
    "path", [f for f in FORMS if f.stem != "config"], ids=lambda p: str(p.stem)
)
def test_forms_have_fields_with_names(path: Path) -> None:
    form = load(path)
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in fields)
    ids = [field["id"] for field in fields]
    assert len(set(ids)) == len(ids)
