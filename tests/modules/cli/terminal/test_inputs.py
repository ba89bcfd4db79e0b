import re
from pathlib import Path

import pytest
from networks import make_vocabulary
from records import folder

from charloom.cli.terminal.inputs import (
    TableOptions,
    check_format,
    clean_prompts,
    default_output,
    random_seed,
    read_blocks,
    read_prompt,
    run_settings,
)
from charloom.errors import SettingsError, SourceError
from charloom.model import Model
from charloom.settings import TextSettings


def texts(*sources: Path, recorded: TextSettings, tables: TableOptions | None = None) -> list[str]:
    blocks = read_blocks([str(source) for source in sources], recorded, tables)
    return [text for block in blocks for text in block.texts()]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("title,body\na,b\nc,d\n", "utf-8")
    return path


def test_recorded_columns_apply_to_tables(table: Path) -> None:
    assert texts(table, recorded=TextSettings(columns=("body",))) == ["b", "d"]


def test_other_columns_replace_the_recorded_ones(table: Path) -> None:
    recorded = TextSettings(columns=("body",))
    assert texts(table, recorded=recorded, tables=TableOptions(columns=("title",))) == ["a", "c"]


def test_recorded_columns_do_not_apply_to_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a,b\n", "utf-8")
    assert texts(path, recorded=TextSettings(columns=("body",))) == ["a,b"]


def test_an_encoding_replaces_the_recorded_one(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xe9\n")
    latin = TextSettings(encoding="latin-1")
    assert texts(path, recorded=latin) == ["é"]
    assert texts(path, recorded=TextSettings(), tables=TableOptions(encoding="latin-1")) == ["é"]


@pytest.mark.parametrize(
    ("content", "prompt"), [(b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"", "")]
)
def test_a_prompt_file_is_read_without_its_last_line_break(
    tmp_path: Path, content: bytes, prompt: str
) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(content)
    assert read_prompt(path) == prompt


def test_a_prompt_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(b"ab\xff")
    with pytest.raises(SourceError, match=re.escape("is not UTF-8 (byte 3 is no part of it)")):
        read_prompt(path)


def test_settings_of_the_command_line_replace_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[network]\nhidden = 8\nlayers = 2\n[training]\nsteps = 3\n")
    assert run_settings(path, {"hidden": 9, "epochs": 1}) == {"hidden": 9, "layers": 2, "epochs": 1}
    assert run_settings(None, {"hidden": 9}) == {"hidden": 9}


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    check_format(None)
    check_format("jsonl")
    with pytest.raises(SettingsError) as caught:
        check_format("xml")
    assert str(caught.value) == "format is 'xml'; allowed: text, jsonl."


def test_random_seeds_have_at_most_ten_digits() -> None:
    seeds = {random_seed() for _ in range(20)}
    assert len(seeds) == 20  # two of twenty agree once in 2e7 runs
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("facts", "facts"),
        ("texts/titles.csv", "titles"),
        ("texts/titles.txt.gz", "titles"),
        ("texts/titles.gz", "titles"),
        ("my.poems.txt", "my.poems"),
        ("poems/*.txt", "poems"),
        ("poems/**/*.txt", "poems"),
        ("-", "stdin"),
        (".hidden", "hidden"),
    ],
)
def test_the_folder_of_a_model_is_named_after_the_source(source: str, name: str) -> None:
    assert default_output([source]) == Path("runs", name)


def test_the_folder_of_a_model_is_named_after_a_source_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = tmp_path / "books.v2"
    books.mkdir()
    assert default_output([str(books)]) == Path("runs", "books.v2")
    monkeypatch.chdir(books)
    assert default_output(["."]) == default_output(["*.txt"]) == Path("runs", "books.v2")


def test_prompts_are_cleaned_and_unknown_symbols_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Model.load(folder(tmp_path / "m"))
    assert clean_prompts(model, None) == [""]
    assert clean_prompts(model, ["e\u0301", "X"]) == ["é", "X"]
    assert capsys.readouterr().err == (
        'charloom: the model does not know "X": <unk> is fed in its place.\n'
    )


def test_a_space_at_the_end_of_a_prompt_for_words_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = make_vocabulary(["in", " the", " "], "word")
    model = Model.load(
        folder(tmp_path / "words", vocabulary=words, text=TextSettings(level="word"))
    )
    assert clean_prompts(model, ["in the", "in "]) == ["in the", "in "]
    assert capsys.readouterr().err == (
        "charloom: a prompt ends with a space, which belongs to the word after it at level word: "
        "leave the space out.\n"
    )
    clean_prompts(model, ["in the"])
    assert capsys.readouterr().err == ""
