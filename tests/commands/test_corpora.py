from command_line import Charloom

from charloom.data.named_corpora import CORPORA


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
