"""The cache folder is the one that the user names, else that of the system."""

import tempfile
import threading
from pathlib import Path

import platformdirs
import pytest

from charloom.data.cache import cache_root, temporary_cache
from charloom.errors import OutputError


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


def test_a_temporary_cache_is_that_of_one_thread_and_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHARLOOM_CACHE", "some/folder")
    others: list[Path] = []
    with pytest.raises(KeyError), temporary_cache():
        outer = cache_root()
        with temporary_cache():
            inner = cache_root()
            (inner / "file").write_text("x", "utf-8")
        other = threading.Thread(target=lambda: others.append(cache_root()))
        other.start()
        other.join()
        assert outer == cache_root() != inner
        assert outer.is_dir() and not inner.exists()
        raise KeyError
    assert not outer.exists()
    assert [cache_root()] == others == [Path("some/folder")]


def test_a_temporary_cache_that_cannot_be_made_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError) as error, temporary_cache():
        pytest.fail("there is no folder")
    assert str(error.value) == (
        f"a temporary cache cannot be made in {tmp_path / 'missing'} (No such file or directory): "
        "free some space, or set TMPDIR to a folder that can be written."
    )
