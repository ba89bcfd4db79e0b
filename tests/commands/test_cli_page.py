"""docs/cli.md is the output of docs/generate_cli.py."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import typer

from charloom.cli.app import app
from charloom.settings.declaration import settings_of
from charloom.settings.tables import TABLES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator: ModuleType) -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    assert page == generator.render(), "docs/cli.md is stale: run make docs"


@pytest.mark.parametrize("columns", ["20", "300"])
def test_the_page_does_not_depend_on_the_width_of_the_terminal(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    page = generator.render()
    monkeypatch.setenv("COLUMNS", columns)
    assert generator.render() == page


def test_every_option_and_setting_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        section = page.partition(f"## charloom {name}\n")[2].partition("\n## ")[0]
        options = {option for parameter in command.params for option in parameter.opts}
        assert not [o for o in options if o.startswith("-") and f"{o}" not in section], name
        assert f"charloom {name} " in section.rpartition("```sh\n")[2]
    for table, kind in TABLES.items():
        keys = page.partition(f"### [{table}]\n")[2].partition("\n### ")[0]
        assert not [key for key in settings_of(kind) if f"| `{key}` |" not in keys]


def test_no_angle_bracket_is_read_as_a_tag() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    assert "\\<unk>" in page
    assert " <" not in "".join(part for part in page.split("```")[::2])
