"""Packages and programs that some tests need and some environments lack: skip, or fail in CI."""

import os
from typing import NoReturn

import pytest

from charloom.extras import EXTRAS, is_installed

REQUIRED = "CHARLOOM_TEST_OPTIONAL"
"""If this environment variable is set, tests fail where they would skip."""
PACKAGES = {package: f"pip install 'charloom[{extra}]'" for package, extra in EXTRAS.items()} | {
    "ipykernel": "make setup",
    "keras": "make setup",
    "nbclient": "make setup",
    "nbformat": "make setup",  # which nbclient brings
    "matplotlib": "make setup",
    "mypy": "make setup",
    "myst_nb": "make setup",
    "playwright": "make setup",
    "axe_playwright_python": "make setup",
    "furo": "pip install 'charloom[docs]'",
    "sphinx": "pip install 'charloom[docs]'",
    "tokenizers": "make setup",
    "sphinx_copybutton": "pip install 'charloom[docs]'",
    "yaml": "pip install 'charloom[docs]'",  # which myst-nb brings
    "sqlalchemy": "pip install 'charloom[search]'",  # which optuna brings
}
"""Packages that an environment may lack, and the command that installs each."""


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test or a module; fail instead if everything must be there."""
    if REQUIRED in os.environ:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def need(package: str) -> None:
    """Skip or fail if a package is missing."""
    if not is_installed(package):
        skip_or_fail(f"{package} is not installed: {PACKAGES[package]}")


class OptionalModule(pytest.Module):
    """A test module that is skipped if an optional package that it imports is missing."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        try:
            return list(super().collect())
        except self.CollectError as error:
            cause = error.__cause__
            package = (isinstance(cause, ModuleNotFoundError) and cause.name or "").split(".")[0]
            if package in PACKAGES:
                need(package)
            raise
