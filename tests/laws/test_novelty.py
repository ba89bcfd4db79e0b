"""A novel text stands in no training document and a unique one comes once; the rest is unchanged.

The networks are chains whose texts can be counted on one's fingers, so that what a sieve lets
through can be told by drawing every seed alone and looking into a list.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from networks import make_vocabulary, markov_chain
from records import document_index

from charloom.api import train
from charloom.data.corpus import build_corpus
from charloom.data.sources import resolve_sources
from charloom.data.store import open_store
from charloom.errors import SamplingError
from charloom.generation import generator as generator_module
from charloom.generation import novelty as sieve_module
from charloom.generation.generator import Generator
from charloom.generation.novelty import NoveltyFilter
from charloom.settings import SamplingSettings, TextSettings, Unit
from charloom.text.cleaning import clean_document

# From each symbol (<eos>, <unk>, a, b, c) to each: a text ends with chance 0.4 after each letter.
CHANCES = [[0.0, 0.0, 0.5, 0.3, 0.2], [1.0, 0.0, 0.0, 0.0, 0.0], *[[0.4, 0.0, 0.3, 0.2, 0.1]] * 3]
DOCUMENTS = ["a", "c", "ab", "ba", "aaa", "abc"]


@pytest.fixture
def generator() -> Generator:
    return Generator(markov_chain(CHANCES), make_vocabulary("abc"))


def sieve(documents: Sequence[str] | None, *, unique: bool = False) -> NoveltyFilter:
    index = None if documents is None else document_index(documents)
    return NoveltyFilter(index=index, unique=unique, text=TextSettings())


def alone(generator: Generator, prompt: str, seed: int) -> str:
    return generator.generate(prompt, SamplingSettings(seed=seed, length=30))[0].text


def by_hand(
    generator: Generator, prompts: Sequence[str], documents: Sequence[str], unique: bool, n: int
) -> list[tuple[int, str]]:
    """Return seeds and texts of those that pass, each drawn alone."""
    passed: list[tuple[int, str]] = []
    before: set[str] = set()
    for prompt in prompts:
        seed, found = 5, 0
        while found < n:
            text = alone(generator, prompt, seed)
            if text not in documents and not (unique and text in before):
                passed.append((seed, text))
                before.add(text)
                found += 1
            seed += 1
    return passed


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("documents", [DOCUMENTS, []])
@pytest.mark.parametrize("at_once", [1, 3, 256])
@pytest.mark.parametrize("numpy_batch", [2, 256])
def test_what_passes_is_what_each_seed_gives_alone(
    generator: Generator,
    unique: bool,
    documents: list[str],
    at_once: int,
    numpy_batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sieve_module, "MAX_BATCH", at_once)
    monkeypatch.setattr(generator_module, "NUMPY_BATCH", numpy_batch)
    prompts, n = ["", "a", "ab"], 12
    settings = SamplingSettings(seed=5, length=30, novel=True, unique=unique)
    sifting = sieve(documents, unique=unique)
    texts = [text for prompt in prompts for text in generator.texts(prompt, settings, n, sifting)]
    expected = by_hand(generator, prompts, documents, unique, n)
    assert [(text.seed, text.text) for text in texts] == expected
    assert not {text.text for text in texts} & set(documents)
    assert not unique or len({text.text for text in texts}) == len(texts)
    assert sifting.examined - sifting.in_training - sifting.repeated == 3 * n
    assert (sifting.in_training > 0) is bool(documents)


def test_compiled_code_gives_the_same_texts(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SamplingSettings(seed=5, length=30, novel=True, unique=True)
    plain = list(generator.texts("", settings, 12, sieve(DOCUMENTS, unique=True)))
    kernels = pytest.importorskip("charloom.generation.compiled_decode")
    monkeypatch.setattr(generator_module, "compiled", lambda *_: kernels)
    assert list(generator.texts("", settings, 12, sieve(DOCUMENTS, unique=True))) == plain


def test_a_network_that_copies_alone_says_so(generator: Generator) -> None:
    # Three letters at most: every text that there can be is a document.
    every = ["".join(letters) for size in range(1, 4) for letters in product("abc", repeat=size)]
    settings = SamplingSettings(seed=1, length=3, novel=True, tries=7)
    with pytest.raises(SamplingError) as caught:
        list(generator.texts("", settings, 4, sieve(every)))
    assert str(caught.value) == (
        "only 0 of 4 texts were found among 28 drawn: 28 stood in the training documents; "
        "raise the temperature or tries, or ask for fewer."
    )
    missing = [text for text in every if text != "cab"]
    wide = SamplingSettings(temperature=1, seed=1, length=3, novel=True, tries=2000)
    # 0.2 * 0.3 * 0.2 of the texts are "cab": that none of 2,000 is, once in 3e10 times.
    assert [text.text for text in generator.texts("", wide, 1, sieve(missing))] == ["cab"]


def test_the_prompt_is_a_part_of_the_text(generator: Generator) -> None:
    settings = SamplingSettings(seed=1, length=1, novel=True)
    assert "b" not in {text.text[1:] for text in generator.texts("a", settings, 20, sieve(["ab"]))}
    passed = {text.text for text in generator.texts("a", settings, 20, sieve(["b", "a"]))}
    assert "ab" in passed and "a" not in passed


@pytest.mark.parametrize("unit", ["line", "document"])
def test_a_model_knows_its_training_documents_and_no_others(tmp_path: Path, unit: Unit) -> None:
    texts = [f"  fact {n} &amp; its na\u0308me \U0001f600 " for n in range(200)]
    if unit == "line":
        source = tmp_path / "texts.txt"
        written = texts
        source.write_text("\n".join(texts), "utf-8")
    else:
        source = tmp_path / "texts"
        source.mkdir()
        written = [f"{text}\nand a second line\n" for text in texts]
        for number, text in enumerate(written):
            (source / f"{number}.txt").write_text(text, "utf-8")
    model = train(source, unit=unit, valid_fraction=0.3, hidden=4, steps=1, device="cpu")
    settings = model.record.text
    corpus = build_corpus(
        open_store(resolve_sources([str(source)], settings), settings), settings, seed=0
    )
    part = corpus.training
    learned = {corpus.vocabulary.decode(part.document(d)) for d in range(len(part))}
    sifting = NoveltyFilter(index=model.record.document_index, unique=False, text=settings)
    found = [text for text in written if not sifting.admit(text)]
    # That one of 60 texts shares 40 bits with one of 140 documents: once in 1e8 times.
    assert {clean_document(text, settings) for text in found} == learned
    assert len(found) == 140
