"""Tests of a missing package skip with the command that installs it, and fail in CI."""

import sys
from pathlib import Path

import pytest
from optional import PACKAGES, REQUIRED, OptionalModule, need

REASON = "polars is not installed: pip install 'charloom[parquet]'"


@pytest.fixture
def without_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)


@pytest.mark.usefixtures("without_polars")
def test_a_test_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="^" + REASON.replace("[", r"\[")):
        need("polars")
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match="^" + REASON.replace("[", r"\[")):
        need("polars")


@pytest.mark.usefixtures("without_polars")
def test_a_module_that_imports_the_package_skips_or_fails(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(content: str, number: int) -> None:
        path = tmp_path / f"test_{number}.py"
        path.write_text(content, "utf-8")
        module: OptionalModule = OptionalModule.from_parent(request.session, path=path)
        module.collect()

    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception):
        collect("from polars import DataFrame", 0)
    with pytest.raises(OptionalModule.CollectError):
        collect("import no_such_package", 1)
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception):
        collect("from polars import DataFrame", 2)


def test_packages_that_are_installed_pass() -> None:
    need("numpy")
    assert "numpy" not in PACKAGES
