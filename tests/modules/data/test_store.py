"""A store contains exactly the documents of its text, whatever happens to the cache."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloom.data import memory_map, store_writer
from charloom.data import store as store_module
from charloom.data.sources import resolve_sources
from charloom.data.store import Store, load_store, open_store, write_store
from charloom.errors import CorpusError, OutputError
from charloom.settings import Level, TextSettings
from charloom.text import documents as documents_module
from charloom.text.documents import Block, Document, to_blocks
from charloom.text.symbols import join, split

TEXTS = ("the cat", "le café", "the cat", "😀\0 e\u0301 ابج", "x")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CHARLOOM_CACHE", str(folder))
    return folder


def written(
    texts: Sequence[str], folder: Path, level: Level = "char", labels: Sequence[str | None] = ()
) -> Store:
    all_labels = labels or [None] * len(texts)
    documents = (Document(text=t, label=label) for t, label in zip(texts, all_labels, strict=True))
    write_store(to_blocks(documents), folder, level)
    store = load_store(folder, level, "content")
    assert store is not None
    return store


def symbols_of(store: Store, index: int) -> list[str]:
    ids = store.ids[store.offsets[index] : store.offsets[index + 1]]
    return [store.symbols[raw] for raw in ids]


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_each_document_is_stored_exactly(level: Level, tmp_path: Path) -> None:
    store = written(TEXTS, tmp_path / "s", level)
    assert len(store.offsets) == len(TEXTS) + 1
    assert [symbols_of(store, d) for d in range(len(TEXTS))] == [split(t, level) for t in TEXTS]
    assert store.ids.dtype == np.uint8
    assert (store.level, store.fingerprint) == (level, "content")


def test_raw_ids_count_up_in_order_of_first_appearance(tmp_path: Path) -> None:
    store = written(["banana", "nab€"], tmp_path / "s")
    assert store.symbols == ("b", "a", "n", "€")
    assert store.ids.tolist() == [0, 1, 2, 1, 2, 1, 2, 1, 0, 3]


def test_hashes_are_those_of_the_text(tmp_path: Path) -> None:
    store = written(TEXTS, tmp_path / "s")
    expected = [blake2b(t.encode(), digest_size=8).digest() for t in TEXTS]
    assert [int(h).to_bytes(8, "little") for h in store.hashes] == expected


def test_labels_are_numbered_as_they_appear(tmp_path: Path) -> None:
    store = written(["a", "b", "c", "d"], tmp_path / "s", labels=["x", None, "é", "x"])
    assert store.labels == ("x", "é")
    assert store.label_ids.tolist() == [0, -1, 1, 0]


@pytest.mark.parametrize("level", ["char", "byte", "word"])
def test_the_size_of_blocks_does_not_change_the_store(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"line {i} of façade 😀" for i in range(50)]
    whole = written(texts, tmp_path / "whole", level)
    monkeypatch.setattr(documents_module, "BLOCK_CHARACTERS", 40)
    small_blocks = written(texts, tmp_path / "small", level)
    assert small_blocks.symbols == whole.symbols
    for name in ("ids", "offsets", "hashes", "label_ids"):
        assert np.array_equal(getattr(small_blocks, name), getattr(whole, name))


def test_lone_surrogates_are_read_as_the_replacement_character(tmp_path: Path) -> None:
    store = written(["a\ud83d", "\ude00b", "\ud83d\ude00"], tmp_path / "s")
    assert [join(symbols_of(store, d), "char") for d in range(3)] == ["a\ufffd", "\ufffdb", "😀"]


def test_more_symbols_than_fit_into_16_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_module, "BLOCK_CHARACTERS", 30_000)
    monkeypatch.setattr(store_writer, "COPY_BYTES", 1000)
    texts = [f"w{i} w{i // 2}" for i in range(70_000)]
    store = written(texts, tmp_path / "s", "closed-word")
    assert store.ids.dtype == np.uint32
    assert len(store.symbols) == 70_001
    assert [join(symbols_of(store, d), "closed-word") for d in (0, 65_535, 69_999)] == [
        texts[d] for d in (0, 65_535, 69_999)
    ]


def test_exactly_as_many_symbols_as_fit_into_16_bits(tmp_path: Path) -> None:
    text = "".join(map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x10820)]))
    assert len(text) == 1 << 16
    store = written([text], tmp_path / "s")
    assert store.ids.dtype == np.uint16
    assert join(symbols_of(store, 0), "char") == text


def test_a_single_line_of_50_megabytes(tmp_path: Path) -> None:
    text = "abcdefghi " * 5_000_000
    store = written([text], tmp_path / "s")
    assert store.offsets.tolist() == [0, 50_000_000]
    assert store.symbols == tuple("abcdefghi ")
    assert np.array_equal(store.ids.reshape(-1, 10)[-1], np.arange(10))


def test_no_documents_are_refused(tmp_path: Path) -> None:
    message = r"^the text has no documents; give one with at least one line of text\.$"
    with pytest.raises(CorpusError, match=message):
        write_store(iter(()), tmp_path / "s", "char")


SETTINGS = TextSettings(clean=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("one\ntwo\nthree\n", encoding="utf-8")
    return path


def opened(path: Path, settings: TextSettings = SETTINGS) -> Store:
    return open_store(resolve_sources([str(path)], settings), settings)


def texts_of(store: Store) -> list[str]:
    return [join(symbols_of(store, d), store.level) for d in range(len(store.hashes))]


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "ids").iterdir())


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Iterator[Block]:
        raise AssertionError("the text was read again")

    monkeypatch.setattr(store_module, "read_blocks", refuse)


def test_a_second_run_reads_nothing(
    source: Path, cache: Path, request: pytest.FixtureRequest
) -> None:
    first = opened(source)
    request.getfixturevalue("no_reading")
    second = opened(source)
    assert texts_of(second) == texts_of(first) == ["one", "two", "three"]
    assert second.fingerprint == first.fingerprint
    assert len(entries(cache)) == 1


def test_seed_split_and_min_count_do_not_matter(
    source: Path, request: pytest.FixtureRequest
) -> None:
    opened(source)
    request.getfixturevalue("no_reading")
    opened(source, TextSettings(clean=False, min_count=9, valid_fraction=0.5))


@pytest.mark.parametrize(
    "settings",
    [
        TextSettings(clean=True),
        TextSettings(clean=False, level="byte"),
        TextSettings(clean=False, unit="document"),
        TextSettings(clean=False, encoding="latin-1"),
    ],
)
def test_other_settings_have_their_own_entry(
    source: Path, cache: Path, settings: TextSettings
) -> None:
    opened(source)
    opened(source, settings)
    assert len(entries(cache)) == 2


def test_changed_content_under_the_same_name_is_encoded(source: Path, cache: Path) -> None:
    opened(source)
    source.write_text("one\ntwo\nfour!\n", encoding="utf-8")
    assert texts_of(opened(source)) == ["one", "two", "four!"]


def test_the_same_bytes_in_another_format_are_encoded(source: Path) -> None:
    table = source.with_suffix(".csv")
    shutil.copy(source, table)
    assert texts_of(opened(source)) == ["one", "two", "three"]
    assert texts_of(opened(table)) == ["two", "three"]


@pytest.mark.parametrize(
    "name",
    ["ids.bin", "offsets.bin", "hashes.bin", "label_ids.bin", "names.json", "checksums.json"],
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_a_damaged_entry_is_replaced(tmp_path: Path, cache: Path, name: str, damage: str) -> None:
    source = tmp_path / "source.csv"
    source.write_text("text,kind\none,x\ntwo,y\nthree,x\n", encoding="utf-8")
    labelled = TextSettings(clean=False, columns=("text",), label_column="kind")
    opened(source, labelled)
    path = entries(cache)[0] / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[:-1])
    else:
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    store = opened(source, labelled)
    assert texts_of(store) == ["one", "two", "three"]
    assert (store.labels, store.label_ids.tolist()) == (("x", "y"), [0, 1, 0])
    assert path.read_bytes() == content
    assert len(entries(cache)) == 1


def test_without_labels_there_is_no_file_of_labels(source: Path, cache: Path) -> None:
    assert opened(source).label_ids.tolist() == [-1, -1, -1]
    assert not (entries(cache)[0] / "label_ids.bin").exists()


def test_of_a_large_file_a_sample_is_checked(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write_text("abcdefghij" * 100, encoding="utf-8")
    monkeypatch.setattr(store_module, "MAX_SAMPLES", 4)
    monkeypatch.setattr(store_module, "SAMPLE_BYTES", 16)
    opened(source)
    path = entries(cache)[0] / "ids.bin"
    content = path.read_bytes()
    # Chunks of 16 bytes at 0, 328, 656 and 984: the last byte is covered, the 17th is not.
    for index, covered in ((0, True), (16, False), (328, True), (999, True)):
        altered = bytearray(content)
        altered[index] ^= 1
        path.write_bytes(altered)
        assert (load_store(path.parent, "char", "") is None) is covered
    for other in (content[:-1], content + b"\0"):
        path.write_bytes(other)
        assert load_store(path.parent, "char", "") is None


def test_an_interrupted_run_leaves_nothing(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[Block]:
        yield from to_blocks([Document(text="one")])
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "read_blocks", broken)
    with pytest.raises(KeyboardInterrupt):
        opened(source)
    assert entries(cache) == []


def test_the_entry_of_a_faster_process_is_used(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(source)
    entry = entries(cache)[0]
    calls = iter(["not there yet"])

    def slow(folder: Path, level: Level, content: str) -> Store | None:
        return None if next(calls, None) else load_store(folder, level, content)

    monkeypatch.setattr(store_module, "load_store", slow)
    before = (entry / "checksums.json").stat().st_mtime_ns
    assert texts_of(opened(source)) == ["one", "two", "three"]
    assert (entry / "checksums.json").stat().st_mtime_ns == before


def test_an_entry_removed_while_it_is_loaded_is_made_again(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(source)
    folder = entries(cache)[0]
    map_file, calls = memory_map.map_file, iter(["the first"])

    def vanishing(path: Path, dtype: str) -> Any:
        if next(calls, None):
            shutil.rmtree(folder)
        return map_file(path, dtype)

    monkeypatch.setattr(store_module, "map_file", vanishing)
    assert texts_of(opened(source)) == ["one", "two", "three"]
    assert entries(cache) == [folder]


def test_without_a_writable_cache_a_temporary_folder_is_used(source: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be", encoding="utf-8")
    assert texts_of(opened(source)) == ["one", "two", "three"]


def test_neither_cache_nor_temporary_folder_can_be_written(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be", encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(cache))
    with pytest.raises(OutputError) as error:
        opened(source)
    # The reason between the two is worded by the system.
    start, _, end = str(error.value).partition(" (")
    assert start == f"the text's ids can be written neither to {cache} nor to {cache}"
    assert end.endswith(
        "): free some space, or set CHARLOOM_CACHE to a folder that can be written."
    )


def test_checksums_cover_every_other_file(source: Path, cache: Path) -> None:
    opened(source)
    folder = entries(cache)[0]
    checksums = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    assert set(checksums) == {p.name for p in folder.iterdir()} - {"checksums.json"}
