from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import TOKEN, FakeHub, serve
from records import folder, record

import charloom
from charloom.errors import DownloadError, MissingPackageError, SettingsError
from charloom.exchange.hub_push import parse_target, push_model
from charloom.model import Model

needs_hub = pytest.mark.needs("huggingface_hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serve() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running


@needs_hub
def test_a_published_model_writes_the_same_texts(hub: FakeHub, tmp_path: Path) -> None:
    model = Model.load(folder(tmp_path / "run"))
    published = push_model(model, "user/facts", license="mit", language="en")
    repository = hub.repositories["user/facts"]
    assert published.name == "hf://user/facts"
    assert published.url == f"{hub.url}/user/facts"
    assert published.commit == repository.commit
    assert published.bytes == sum(map(len, repository.files.values()))
    assert not repository.private
    loaded = charloom.load(published.name)
    assert loaded.generate("a", n=3) == model.generate("a", n=3)
    assert b"$ charloom generate hf://user/facts -n 5" in repository.files["README.md"]
    assert b"titles.txt" not in b"".join(repository.files.values())


@needs_hub
def test_a_second_version_and_a_private_repository(hub: FakeHub) -> None:
    model = Model(record())
    first = push_model(model, "hf://user/facts", private=True)
    assert hub.repositories["user/facts"].private
    second = push_model(model, "user/facts", license="mit")
    assert first.commit != second.commit
    assert hub.repositories["user/facts"].private


@needs_hub
def test_nothing_is_sent_without_an_account_or_to_another(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DownloadError) as error:
        push_model(Model(record()), "other/facts")
    assert str(error.value) == (
        "hf://other/facts is not open to you (HTTP 403); log in with: hf auth login, or set "
        "HF_TOKEN of an account that may use it."
    )
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(DownloadError, match=r"is not open to you \(HTTP 401\)"):
        push_model(Model(record()), "user/facts")
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(DownloadError) as error:
        push_model(Model(record()), "user/facts")
    assert str(error.value) == (
        "hf://user/facts needs an account on the hub; log in with: hf auth login, or set HF_TOKEN."
    )
    assert not hub.repositories
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="cannot be reached"):
        push_model(Model(record()), "user/facts")


def test_names_of_repositories() -> None:
    assert parse_target("user/facts") == parse_target("hf://user/facts")
    for target in ("facts", "user/facts@main", "user/../facts", "https://x/user/facts", ""):
        with pytest.raises(SettingsError) as error:
            parse_target(target)
        assert str(error.value) == f'the repository is "{target}"; name it as user/name.'


def test_the_package_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as error:
        push_model(Model(record()), "user/facts")
    assert str(error.value) == (
        "push needs the package huggingface-hub, which is not installed; install it with pip "
        "install 'charloom[hub]', or use charloom export --to hf."
    )
