"""The cache folder is the one that the user names, else that of the system."""

from pathlib import Path

import platformdirs
import pytest

from charloom.data.cache import cache_root


def test_the_environment_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLOOM_CACHE", "some/folder")
    assert cache_root() == Path("some/folder")


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_it_is_the_folder_of_the_system(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("CHARLOOM_CACHE", raising=False)
    else:
        monkeypatch.setenv("CHARLOOM_CACHE", value)
    assert cache_root() == Path(platformdirs.user_cache_dir("charloom"))
