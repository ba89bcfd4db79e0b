"""``charloom push``, and commands that read a model on the hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Charloom
from fake_hub import TOKEN, FakeHub, serve
from records import folder

pytestmark = pytest.mark.needs("huggingface_hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serve() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.chdir(tmp_path)
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return folder(tmp_path / "facts")


def test_a_model_is_published_and_used_by_its_name(
    charloom: Charloom, hub: FakeHub, run: Path
) -> None:
    done = charloom("push", run, "user/facts", "--license", "mit", "--private")
    assert (done.code, done.out) == (0, f"{hub.url}/user/facts\n")
    assert done.err.endswith("charloom: load it with: charloom generate hf://user/facts\n")
    assert "charloom: discloses: 15 symbols of the vocabulary, and how often" in done.err
    name = "hf://user/facts"
    for command in (
        ("generate", "ab", "--seed", "3"),
        ("next", "ab"),
        ("score", run.parent / "lines.txt"),
        ("evaluate", run.parent / "lines.txt"),
        ("temperatures", "a", "--seed", "3"),
    ):
        (run.parent / "lines.txt").write_text("abc\nbag\n", "utf-8")
        first, second = (charloom(command[0], place, *command[1:]) for place in (run, name))
        assert (second.code, second.out) == (0, first.out), second.err
    assert f": {name}\n" in charloom("summary", name).out
    assert f"'{name}'" in charloom("summary", name, "--settings").out
    mixed = charloom("generate", run, "ab", "--mix", f"{name}=0.3")
    assert mixed.code == 0


def test_files_about_a_model_are_written_here(
    charloom: Charloom, hub: FakeHub, run: Path, tmp_path: Path
) -> None:
    hub.add_folder("user/other", run)
    assert charloom("export", "hf://user/other").out == "other.html\n"
    page = (tmp_path / "other.html").read_text("utf-8")
    assert 'data-run="hf://user/other"' in page
    assert charloom("export", "hf://user/other", "--to", "hf").out == "other-hf\n"
    assert "# other\n" in (tmp_path / "other-hf" / "README.md").read_text("utf-8")
    assert charloom("report", "hf://user/other").out == f"{Path('other', 'report.html')}\n"


def test_a_new_run_starts_from_a_model_on_the_hub(
    charloom: Charloom, hub: FakeHub, run: Path, tmp_path: Path
) -> None:
    assert charloom("push", run, "user/facts").code == 0
    (tmp_path / "lines.txt").write_text("abc\nbag\ncab\nabe\n" * 20, "utf-8")
    done = charloom(
        *("train", "lines.txt", "--from", "hf://user/facts", "--steps", "1", "-o", "new")
    )
    assert done.code == 0, done.err
    from charloom.model import Model

    assert Model.load("new").record.provenance["lineage"]["model"] == "hf://user/facts"
    assert charloom("train", "--extend", "hf://user/facts").err == (
        "charloom: hf://user/facts does not record its training texts, so it cannot be extended; "
        "start from it with --from, and give the texts.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "hf://user"), '"hf://user" names no model on the hub; write hf://user/name, '
        "or hf://user/name@revision."),
        (("push", "facts", "facts"), 'the repository is "facts"; name it as user/name.'),
        (
            ("generate", "hf://user/none"),
            "hf://user/none is not on the hub, or is private; check the name, or log in with: hf "
            "auth login, or set HF_TOKEN.",
        ),
        (
            ("push", "facts", "user/facts", "--language", "English"),
            'language is "English"; give a code of ISO 639, such as en or sv.',
        ),
    ],
)  # fmt: skip
def test_wrong_names_are_one_line(
    arguments: tuple[str, ...], message: str, charloom: Charloom, hub: FakeHub, run: Path
) -> None:
    done = charloom(*arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
    assert not hub.repositories
