import json
from pathlib import Path
from typing import Any

import pytest
from records import record

from charloom.errors import SettingsError, SourceError
from charloom.exchange.symbols_file import (
    MAX_BYTES,
    SymbolList,
    SymbolOptions,
    Symbols,
    assign_symbols,
    read_source,
)
from charloom.text.vocabulary import Vocabulary


def names(source: Any) -> list[str | None]:
    found = read_source(SymbolOptions(source=source))
    assert isinstance(found, SymbolList)
    return list(found.names)


def assigned(*names: str | None, **options: Any) -> Symbols:
    size = options.pop("size", len(names))
    found = SymbolList(names=names, words=options.get("words", False))
    return assign_symbols(found, size, SymbolOptions(**options))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\nb\nc\n", ["a", "b", "c"]),
        ("\na\n\nb", [None, "a", None, "b"]),
        (" \n\\n\n\\t\n\\\\\n\\x\n\\r", [" ", "\n", "\t", "\\", "\\x", "\r"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("[\n]\n{\n", ["[", "]", "{"]),
        ("1\n2\n", ["1", "2"]),
        ('[null, "a", "\\n"]', [None, "a", "\n"]),
        ("\ufeffa\nb", ["a", "b"]),
    ],
)
def test_lines_and_lists(content: str, expected: list[str | None], tmp_path: Path) -> None:
    assert names(write(tmp_path / "s", content)) == expected
    assert names(str(tmp_path / "s")) == expected


def test_sequences_and_objects() -> None:
    assert names(("a", None, "b")) == ["a", None, "b"]
    vocabulary = record().vocabulary
    assert read_source(SymbolOptions(source=vocabulary.to_json())) == vocabulary


def test_the_vocabulary_of_a_model_folder(tmp_path: Path) -> None:
    vocabulary = record().vocabulary
    path = write(tmp_path / "vocabulary.json", json.dumps(vocabulary.to_json()))
    found = read_source(SymbolOptions(source=path))
    assert isinstance(found, Vocabulary)
    assert found.symbols == vocabulary.symbols


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "{} holds no symbols; give one symbol a line, a JSON list, the JSON of a Keras "
         "Tokenizer, or the vocabulary.json of a model folder."),
        ('{"symbols": 3}', "{} holds no vocabulary of a model folder; copy it again."),
        ('["a", 3]', "{} has 3 at id 1; a symbol is a text, or null for none."),
        ('["a", ""]', "{} has '' at id 1; a symbol is a text, or null for none."),
        ("a\nb\na", '{} has "a" twice, at last at id 2; each id has its own symbol.'),
        (b"\xff", "{} is not UTF-8; save it in that encoding."),
    ],
)  # fmt: skip
def test_other_content(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "s", content)
    with pytest.raises(SettingsError) as error:
        names(path)
    assert str(error.value) == message.replace("{}", str(path), 1)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(SourceError) as error:
        names(path)
    assert str(error.value) == f"there is no file {path}; name the file of symbols with --symbols."
    long = tmp_path / ("x" * 300)
    with pytest.raises(SourceError) as error:
        names(long)
    assert str(error.value) == (
        f"{long} cannot be read (File name too long); name another file with --symbols."
    )
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(SettingsError) as large:
        names(path)
    assert str(large.value) == f"{path} has more than 64,000,000 bytes; it is no list of symbols."


def test_characters() -> None:
    symbols = assigned(None, "a", "\n", "<eos>", end="<eos>")
    assert (symbols.level, symbols.token_pattern) == ("char", None)
    assert symbols.texts == (None, "a", "\n", None)
    assert (symbols.start, symbols.end, symbols.unknown, symbols.padding) == (None, 3, 0, 0)


def test_tokens_of_several_characters_make_a_pattern() -> None:
    symbols = assigned("C", "Cl", "Br", "[nH]")
    assert symbols.token_pattern == r"\[nH\]|Br|Cl"
    with pytest.raises(SettingsError) as error:
        assigned(*(f"t{k}" for k in range(1001)))
    assert str(error.value) == (
        "1,001 symbols have several characters, and at most 1,000 are possible; if they are words "
        "with a space between two, add --words."
    )


def test_words_have_the_space_before_them() -> None:
    symbols = assigned(None, "the", "don't", words=True)
    assert symbols.texts == (None, " the", " don't")
    assert (symbols.level, symbols.token_pattern) == ("word", None)
    assert assigned("end.", words=True).token_pattern == r" ?\S+"


def test_marks_are_named_by_symbol_or_id() -> None:
    symbols = assigned("a", "<s>", "b", "</s>", start="<s>", end="#3")
    assert (symbols.start, symbols.end) == (1, 3)
    assert symbols.texts == ("a", None, "b", None)
    assert assigned("#0", "b", end="#0").end == 0
    assert assigned("#1", "b", end="#1").end == 0
    line = assigned("a", "\n", start="\n", end="\n")
    assert line.texts == ("a", None)
    assert assigned("a", "\n", start="\n").texts == ("a", "\n")


def test_eos_and_unk_have_their_meaning_by_themselves() -> None:
    symbols = assigned(None, "a", "<unk>", "<eos>")
    assert (symbols.end, symbols.unknown, symbols.padding) == (3, 2, 0)
    assert symbols.texts == (None, "a", None, None)
    other = assigned("a", "<eos>", "b", end="b")
    assert (other.end, other.texts) == (2, ("a", None, None))


def test_padding_may_be_the_end() -> None:
    symbols = assigned(None, "a", "b", end="#0")
    assert (symbols.end, symbols.unknown, symbols.padding) == (0, None, 0)


def test_an_end_that_is_lacking_has_the_last_id() -> None:
    symbols = assigned(None, "a", size=3, end="<eos>")
    assert (symbols.end, symbols.names) == (2, (None, "a", "<eos>"))


def test_symbols_that_do_not_fit() -> None:
    with pytest.raises(SettingsError) as error:
        assigned("a", "b", size=4, end="<eos>")
    assert str(error.value) == (
        "there are symbols for 2 ids, and the model has 4; give one symbol for each id, null or an "
        "empty line for an id without a symbol."
    )
    for option in ("start", "end"):
        with pytest.raises(SettingsError) as error:
            assigned("a", "b", **{option: "#2"})
        assert str(error.value) == (
            f'--{option} is "#2", which is no symbol of the model; name one of its symbols, or an '
            "id as #0 to #1."
        )


def test_symbols_for_people() -> None:
    symbols = assigned(None, "a", None)
    assert [symbols.describe(k) for k in range(3)] == ["the padding (id 0)", '"a" (id 1)', "id 2"]
