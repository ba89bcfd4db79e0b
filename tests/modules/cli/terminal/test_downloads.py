from pathlib import Path

import pytest

from charloom.cli.terminal import downloads
from charloom.data.named_corpora import NamedCorpus


def test_only_named_corpora_that_are_not_on_this_machine_are_downloaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(downloads, "fetch_files", lambda corpus: fetched.append(corpus.name))
    monkeypatch.chdir(tmp_path)
    Path("names").write_text("a file has priority over the corpus of its name", encoding="utf-8")
    downloads.fetch_corpora(["facts", "lines.txt", "names", "tiny-shakespeare"])
    assert fetched == ["tiny-shakespeare"]
    assert capsys.readouterr().err == (
        "charloom: downloading tiny-shakespeare, 1.1 MB; later runs use the cached copy.\n"
    )


def test_terminal_shows_a_bar_with_the_bytes_so_far(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch_half_a_megabyte(corpus: NamedCorpus, progress: object) -> None:
        assert callable(progress)
        progress(300_000)
        progress(200_000)

    monkeypatch.setattr(downloads, "fetch_files", fetch_half_a_megabyte)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    downloads.fetch_corpora(["tiny-shakespeare"])
    assert "0.5/1.1 MB" in capsys.readouterr().err
