"""Named corpora: the registry, and fetching once from a local server, verified by checksum."""

import errno
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from charloom.data.cache import cache_root
from charloom.data.named_corpora import (
    CORPORA,
    NamedCorpus,
    RemoteFile,
    bytes_to_fetch,
    default_settings,
    fetch_files,
)
from charloom.data.sources import read_documents, resolve_sources
from charloom.errors import DownloadError
from charloom.settings import TextSettings

CONTENT = b"1,One\n2,Two\n" * 20_000
DATA = Path(__file__).parents[3] / "shared" / "data"


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT as /good.csv and a truncated /cut.csv; counts requests."""

    requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        if self.path not in ("/good.csv", "/cut.csv"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/good.csv" else CONTENT[:1000])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("CHARLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def corpus(server: Server, name: str = "good.csv", digest: str | None = None) -> NamedCorpus:
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    digest = digest or f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    return NamedCorpus(
        name="trial",
        description="for tests",
        terms="none",
        files=(RemoteFile(url=url, digest=digest, size=len(CONTENT)),),
        column_names=("class", "title"),
    )


def cached() -> list[str]:
    return sorted(path.name for path in (cache_root() / "corpora" / "trial").iterdir())


def message(trial: NamedCorpus) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch_files(trial)
    return str(caught.value)


def test_a_file_is_fetched_once(server: Server) -> None:
    trial = corpus(server)
    assert bytes_to_fetch(trial) == len(CONTENT)
    fetched: list[int] = []
    (path,) = fetch_files(trial, fetched.append)
    assert path == cache_root() / "corpora" / "trial" / "good.csv"
    assert path.read_bytes() == CONTENT
    assert sum(fetched) == len(CONTENT)
    assert bytes_to_fetch(trial) == 0
    assert fetch_files(trial) == [path]
    assert server.requests == 1
    assert cached() == ["good.csv"]


def test_a_damaged_copy_is_fetched_again(server: Server) -> None:
    trial = corpus(server, digest=f"md5:{hashlib.md5(CONTENT).hexdigest()}")
    (path,) = fetch_files(trial)
    path.write_bytes(CONTENT[:-1])
    assert fetch_files(trial)[0].read_bytes() == CONTENT
    assert server.requests == 2


def test_a_wrong_checksum_keeps_nothing(server: Server) -> None:
    trial = corpus(server, digest="sha256:" + "0" * 64)
    path = cache_root() / "corpora" / "trial" / "good.csv"
    assert message(trial) == (
        f"trial: {trial.files[0].url} is not the registered file: its checksum is "
        f"{hashlib.sha256(CONTENT).hexdigest()}, not {'0' * 64}; nothing was kept; "
        f"try again, or put the right file at {path}."
    )
    assert cached() == []


def test_a_missing_or_truncated_file_on_the_server_is_reported(server: Server) -> None:
    missing = corpus(server, "absent.csv")
    folder = cache_root() / "corpora" / "trial"
    advice = "; it is fetched once, over the network; go online and try again, or put the file at "
    assert message(missing) == (
        f"trial cannot be fetched from {missing.files[0].url}: HTTP Error 404: Not Found{advice}"
        f"{folder / 'absent.csv'}."
    )
    assert "; nothing was kept; " in message(corpus(server, "cut.csv"))
    assert cached() == []


def test_offline_the_message_says_where_to_put_the_file(server: Server) -> None:
    trial = corpus(server)
    server.shutdown()
    server.server_close()
    path = cache_root() / "corpora" / "trial" / "good.csv"
    text = message(trial)
    assert text.startswith(f"trial cannot be fetched from {trial.files[0].url}: ")
    assert "refused" in text
    assert text.endswith(
        "; it is fetched once, over the network; go online and try again, "
        f"or put the file at {path}."
    )
    path.write_bytes(CONTENT)
    assert fetch_files(trial) == [path]


def test_a_cache_that_cannot_be_written_is_reported(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    text = message(corpus(server))
    folder = tmp_path / "cache" / "corpora" / "trial"
    assert text.startswith(f"the cache folder {folder} cannot be written: ")
    assert text.endswith(
        "; free some space, or set CHARLOOM_CACHE to a folder that can be written."
    )


def test_a_full_disk_is_reported_as_such(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, mode: str) -> object:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "open", full)
    folder = cache_root() / "corpora" / "trial"
    assert message(corpus(server)) == (
        f"the cache folder {folder} cannot be written: No space left on device; free some space, "
        "or set CHARLOOM_CACHE to a folder that can be written."
    )
    assert cached() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_while_writing_is_reported(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = Path.open

    def filling(path: Path, mode: str) -> object:
        return open_file(Path("/dev/full") if mode == "wb" else path, mode)

    monkeypatch.setattr(Path, "open", filling)
    assert "cannot be written: No space left on device; free some" in message(corpus(server))
    assert cached() == []


def test_a_corpus_is_read_by_its_name(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CORPORA, "trial", corpus(server))
    settings = TextSettings(columns=("title",), label_column="class")
    fetched: list[int] = []
    files = resolve_sources(["trial"], settings, fetched.append)
    documents = list(read_documents(files, settings))
    assert sum(fetched) == len(CONTENT)
    assert len(documents) == 40_000
    assert [(document.text, document.label) for document in documents[:2]] == [
        ("One", "1"),
        ("Two", "2"),
    ]


def test_registry_entries_have_https_addresses_and_checksums() -> None:
    assert set(CORPORA) == {"facts", "tiny-shakespeare", "names", "ag-news"}
    lengths = {"sha256": 64, "md5": 32}
    for name, entry in CORPORA.items():
        assert entry.name == name
        assert entry.description
        assert entry.terms
        assert bool(entry.files) != bool(entry.resource)
        assert {*entry.columns, *filter(None, [entry.label_column])} <= set(entry.column_names)
        assert len({file.name for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert file.url.startswith("https://")
            algorithm, digest = file.digest.split(":")
            assert re.fullmatch(f"[0-9a-f]{{{lengths[algorithm]}}}", digest)
            assert file.size > 0


def test_the_first_named_corpus_decides_a_default() -> None:
    assert default_settings(["facts"]) == {"unit": "line"}
    assert default_settings(["my.txt", "tiny-shakespeare"]) == {"unit": "stream"}
    assert default_settings(["facts", "ag-news", "tiny-shakespeare"]) == {
        "unit": "line",
        "columns": ("title",),
    }
    assert default_settings(["my.txt"]) == {}
    assert TextSettings(**(default_settings(["ag-news"]) | {"columns": ("2", "3")})).columns == (
        "2",
        "3",
    )


def test_a_path_named_like_a_corpus_has_no_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny-shakespeare").write_text("lines of a user\n", encoding="utf-8")
    assert default_settings(["tiny-shakespeare"]) == {}


def test_the_embedded_corpus_needs_no_network() -> None:
    (path,) = fetch_files(CORPORA["facts"])
    assert path.read_text(encoding="utf-8").count("\n") > 7000
    assert bytes_to_fetch(CORPORA["facts"]) == 0


@pytest.mark.skipif(not DATA.exists(), reason="the shared data are not on this machine")
@pytest.mark.parametrize(
    ("name", "index", "copy"),
    [
        ("tiny-shakespeare", 0, "tinyshakespeare.txt"),
        ("names", 0, "names.txt"),
        ("ag-news", 1, "ag_news/test.csv"),
    ],
)
def test_registered_checksums_are_those_of_real_copies(name: str, index: int, copy: str) -> None:
    registered = CORPORA[name].files[index]
    content = (DATA / copy).read_bytes()
    algorithm, digest = registered.digest.split(":")
    assert len(content) == registered.size
    assert hashlib.new(algorithm, content).hexdigest() == digest
