from pathlib import Path

import pytest
from command_line import Charloom

from charloom.cli.terminal import downloads
from charloom.data.named_corpora import CORPORA, NamedCorpus


def test_every_corpus_is_listed(charloom: Charloom) -> None:
    done = charloom("corpora")
    assert (done.code, done.err) == (0, "")
    for name, corpus in CORPORA.items():
        assert f"{name}\n  {corpus.description}\n  {corpus.terms}; " in done.out
    assert "MIT licence (the package randfacts); on this machine\n" in done.out
    assert "public domain; to fetch: 1.1 MB\n" in done.out


def test_json_has_an_entry_for_each_corpus(charloom: Charloom) -> None:
    [entries] = charloom("corpora", "--json").records
    by_name = {entry["name"]: entry for entry in entries}
    assert list(by_name) == list(CORPORA)
    assert by_name["facts"]["bytes_to_fetch"] == 0
    assert by_name["tiny-shakespeare"]["bytes_to_fetch"] == 1_115_394
    assert by_name["ag-news"]["columns"] == ["class", "title", "description"]


def test_a_corpus_is_fetched_before_it_is_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(downloads, "fetch_files", lambda corpus: fetched.append(corpus.name))
    monkeypatch.chdir(tmp_path)
    Path("names").write_text("a file goes before the corpus of its name", encoding="utf-8")
    downloads.fetch_corpora(["facts", "lines.txt", "names", "tiny-shakespeare"])
    assert fetched == ["tiny-shakespeare"]
    assert capsys.readouterr().err == ("charloom: fetching tiny-shakespeare, 1.1 MB, this once.\n")


def test_on_a_terminal_a_bar_follows_the_bytes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrive(corpus: NamedCorpus, progress: object) -> None:
        assert callable(progress)
        progress(500_000)

    monkeypatch.setattr(downloads, "fetch_files", arrive)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    downloads.fetch_corpora(["tiny-shakespeare"])
    assert "0.5/1.1 MB" in capsys.readouterr().err
