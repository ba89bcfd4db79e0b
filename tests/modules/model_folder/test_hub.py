from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import TOKEN, FakeHub, serve
from records import folder

import charloom
from charloom.errors import (
    CharloomError,
    MissingPackageError,
    ModelFolderError,
    SettingsError,
)
from charloom.model_folder.hub import (
    MAX_BYTES,
    HubReference,
    hub_source,
    local_folder,
    local_path,
    run_name,
)

needs_hub = pytest.mark.needs("huggingface_hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serve() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "")
        running.add_folder("user/facts", folder(tmp_path / "run"))
        yield running


def message(path: str) -> str:
    with pytest.raises(CharloomError) as error:
        local_folder(path)
    return str(error.value)


def test_names_of_models_on_the_hub() -> None:
    assert HubReference.parse("runs/facts") is None
    assert HubReference.parse(Path("hf/facts")) is None
    whole = HubReference.parse("hf://user/facts@refs/pr/1")
    assert whole == HubReference("user/facts", "refs/pr/1")
    assert HubReference.parse(Path("hf://user/facts@refs/pr/1")) == whole
    assert str(whole) == "hf://user/facts@refs/pr/1"
    assert local_path(Path("hf://user/facts@v1")) == Path("facts")
    assert local_path(Path("runs/facts")) == Path("runs/facts")
    assert run_name(Path("hf://user/facts")) == "hf://user/facts"
    assert run_name(Path("runs/facts")) == str(Path("runs/facts"))


@pytest.mark.parametrize(
    "path",
    [
        *("hf://user", "hf://user/", "hf:///facts", "hf://user/facts/more", "hf://user/facts@"),
        *("hf://user/../facts", "hf://user/..", "hf://user/facts@../../x", "hf://us--er/facts"),
        *("hf://user/facts@a//b", "hf://user/fa cts", "hf://.user/facts", "hf://user/facts\n"),
    ],
)
def test_other_names_are_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="names no model on the hub; write hf://user/name, or"):
        HubReference.parse(path)


def test_the_message_of_a_wrong_name() -> None:
    for path in ("hf://user", Path("hf://user")):
        with pytest.raises(SettingsError) as error:
            HubReference.parse(path)
        assert str(error.value) == (
            '"hf://user" names no model on the hub; write hf://user/name, or hf://user/name@revision.'
        )


def test_the_package_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as error:
        local_folder("hf://user/facts")
    assert str(error.value) == (
        "hf://user/facts needs the package huggingface-hub, which is not installed; install it "
        "with pip install 'charloom[hub]', or name a model folder on this machine."
    )


@needs_hub
def test_three_files_are_downloaded_once(hub: FakeHub, tmp_path: Path) -> None:
    repository = hub.repositories["user/facts"]
    repository.files |= {"documents.bin": b"x", "samples.jsonl": b"x", "../../x": b"x"}
    model = charloom.load("hf://user/facts")
    own = charloom.load(tmp_path / "run")
    assert model.generate("a", n=3) == own.generate("a", n=3)
    assert model.folder is not None
    assert {path.name for path in model.folder.iterdir()} == set(MAX_BYTES)
    assert str(hub_source(model.folder)) == "hf://user/facts"
    downloads = [line for line in hub.requests if line.startswith("GET /user")]
    assert len(downloads) == 3
    charloom.load("hf://user/facts")
    assert [line for line in hub.requests if line.startswith("GET /user")] == downloads


@needs_hub
def test_other_folders_are_not_of_the_hub(tmp_path: Path) -> None:
    for parts in ("a/snapshots/b", "models--x/snapshots/b", "datasets--x--y/snapshots/b"):
        assert hub_source(tmp_path / parts) is None
    assert hub_source(Path("x")) is None


@needs_hub
def test_revisions(hub: FakeHub) -> None:
    commit = hub.repositories["user/facts"].commit
    assert local_folder("hf://user/facts@main") == local_folder(f"hf://user/facts@{commit}")
    assert message("hf://user/facts@v2") == (
        "hf://user/facts@v2 is a revision that the hub does not have; leave it out, or name "
        "another."
    )


@needs_hub
def test_a_new_commit_is_another_folder(hub: FakeHub, tmp_path: Path) -> None:
    first = local_folder("hf://user/facts")
    hub.add_folder("user/facts", folder(tmp_path / "other", labels=("x",)))
    second = local_folder("hf://user/facts")
    assert first != second
    assert charloom.load(second).record.labels == ("x",)


@needs_hub
def test_private_and_missing_models(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories["user/facts"].private = True
    for name in ("hf://user/facts", "hf://user/none"):
        assert message(name) == (
            f"{name} is not on the hub, or is private; check the name, or log in with: hf auth "
            "login, or set HF_TOKEN."
        )
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert local_folder("hf://user/facts").is_dir()


@needs_hub
def test_a_gated_model(hub: FakeHub) -> None:
    hub.repositories["user/facts"].gated = True
    assert message("hf://user/facts") == (
        "hf://user/facts is gated: accept its terms on its page, and log in with: hf auth login, "
        "or set HF_TOKEN."
    )


@needs_hub
def test_files_that_are_missing_or_large(hub: FakeHub) -> None:
    repository = hub.repositories["user/facts"]
    for size, shown in ((16_000_001, "16,000,001 bytes"), (None, "no known size")):
        repository.stated_sizes["config.json"] = size
        assert message("hf://user/facts") == (
            f"config.json of hf://user/facts has {shown}; at most 16,000,000 bytes are downloaded: "
            "name another model."
        )
    del repository.files["vocabulary.json"]
    repository.stated_sizes.clear()
    assert message("hf://user/facts") == (
        "hf://user/facts has no vocabulary.json, so it is no model of charloom; name a repository "
        "that charloom push made."
    )
    assert not [line for line in hub.requests if "/resolve/" in line]


@needs_hub
def test_a_file_that_is_larger_than_the_hub_said(hub: FakeHub) -> None:
    repository = hub.repositories["user/facts"]
    repository.files["config.json"] = b" " * 16_000_001
    repository.stated_sizes["config.json"] = 100
    assert message("hf://user/facts") == (
        "config.json of hf://user/facts has more than 16,000,000 bytes, which is not what the hub "
        "said; name another model."
    )


@needs_hub
def test_a_damaged_model_is_refused_as_any_folder(hub: FakeHub) -> None:
    hub.repositories["user/facts"].files["config.json"] += b" {}"
    with pytest.raises(ModelFolderError, match=r"config\.json is damaged or was altered"):
        charloom.load("hf://user/facts")


@needs_hub
def test_without_a_network_the_cache_is_used(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = local_folder("hf://user/facts")
    hub.failure = 503
    assert local_folder("hf://user/facts") == fetched
    assert message("hf://user/other") == (
        "hf://user/other cannot be used: the hub answered HTTP 503; try again later."
    )
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert local_folder("hf://user/facts") == fetched
    assert message("hf://user/other") == (
        "hf://user/other cannot be reached ([Errno 111] Connection refused); connect to the "
        "network and try again, or name a model folder."
    )


@needs_hub
def test_a_server_that_is_no_hub(hub: FakeHub) -> None:
    hub.answer = b"<html>"
    assert message("hf://user/facts") == (
        "hf://user/facts got an answer that is no hub's (Expecting value: line 1 column 1 (char "
        "0)); check HF_ENDPOINT."
    )
    hub.answer = b'{"id": "user/facts", "sha": "../../x", "siblings": []}'
    assert "has no config.json" in message("hf://user/facts")
    hub.answer = b"[]"
    assert message("hf://user/facts").startswith("hf://user/facts got an answer that is no hub's")
