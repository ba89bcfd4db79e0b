"""Novel texts are no training documents, unique texts no repetitions; others are unchanged.

The network is a Markov chain with few texts. The expected texts are found by generating each seed
alone and looking its text up in a list.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from decoders import always, generator_with
from networks import make_vocabulary, markov_chain
from records import document_index

from charloom.api import train
from charloom.errors import SamplingError
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.generator import Generator
from charloom.generation.text_filter import MAX_BATCH, TextFilter
from charloom.settings import SamplingSettings, TextSettings, Unit

# From each symbol (<eos>, <unk>, a, b, c) to each; after a letter, the text ends with 0.4.
AFTER_LETTER = [0.4, 0.0, 0.3, 0.2, 0.1]
PROBABILITIES = [[0.0, 0.0, 0.5, 0.3, 0.2], [1.0, 0.0, 0.0, 0.0, 0.0], *[AFTER_LETTER] * 3]
DOCUMENTS = ["a", "c", "ab", "ba", "aaa", "abc"]


ENGINE, VOCABULARY = markov_chain(PROBABILITIES), make_vocabulary("abc")


@pytest.fixture
def generator() -> Generator:
    return Generator(ENGINE, VOCABULARY)


def text_filter(
    documents: Sequence[str] | None, *, unique: bool = False, max_batch: int = MAX_BATCH
) -> TextFilter:
    index = None if documents is None else document_index(documents)
    return TextFilter(index=index, unique=unique, text=TextSettings(), max_batch=max_batch)


class SmallBatches(NumpyDecoder):
    batch = 2


def alone(generator: Generator, prompt: str, seed: int) -> str:
    return generator.generate(prompt, SamplingSettings(seed=seed, length=30))[0].text


def by_hand(
    generator: Generator, prompts: Sequence[str], documents: Sequence[str], unique: bool, n: int
) -> list[tuple[int, str]]:
    """Return seeds and texts of those that are accepted, each generated alone."""
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
@pytest.mark.parametrize("max_batch", [1, 3, 256])
@pytest.mark.parametrize("decoder", [NumpyDecoder, SmallBatches])
def test_accepted_texts_are_those_that_each_seed_gives_alone(
    unique: bool, documents: list[str], max_batch: int, decoder: type[NumpyDecoder]
) -> None:
    prompts, n = ["", "a", "ab"], 12
    settings = SamplingSettings(seed=5, length=30, novel=True, unique=unique)
    generator = Generator(ENGINE, VOCABULARY, choose_decoder=always(decoder(ENGINE)))
    made = text_filter(documents, unique=unique, max_batch=max_batch)
    texts = [text for prompt in prompts for text in generator.texts(prompt, settings, n, made)]
    expected = by_hand(generator, prompts, documents, unique, n)
    assert [(text.seed, text.text) for text in texts] == expected
    assert not {text.text for text in texts} & set(documents)
    assert not unique or len({text.text for text in texts}) == len(texts)
    assert made.examined - made.in_sources - made.repeated == 3 * n
    assert (made.in_sources > 0) is bool(documents)


def test_both_decoders_give_the_same_texts() -> None:
    settings = SamplingSettings(seed=5, length=30, novel=True, unique=True)
    numpy, compiled = (
        list(
            generator_with(make, ENGINE, VOCABULARY).texts(
                "", settings, 12, text_filter(DOCUMENTS, unique=True)
            )
        )
        for make in (NumpyDecoder, CompiledDecoder)
    )
    assert numpy == compiled


@pytest.mark.parametrize("documents", [None, DOCUMENTS[:3]])
def test_texts_of_a_list_are_left_out_like_documents(
    generator: Generator, documents: list[str] | None
) -> None:
    listed = ["b", "aa", "abc"]
    settings = SamplingSettings(seed=5, length=30, novel=documents is not None, novel_file=("x",))
    made = TextFilter(
        index=None if documents is None else document_index(documents),
        unique=False,
        text=TextSettings(),
        lists=document_index(listed),
    )
    texts = list(generator.texts("", settings, 12, made))
    expected = by_hand(generator, [""], [*listed, *(documents or [])], False, 12)
    assert [(text.seed, text.text) for text in texts] == expected
    assert made.in_lists > 0
    assert made.examined - made.in_sources - made.in_lists == 12


def test_a_network_that_only_copies_raises_with_the_counts(generator: Generator) -> None:
    # Three letters at most: every possible text is a document.
    every = ["".join(letters) for size in range(1, 4) for letters in product("abc", repeat=size)]
    settings = SamplingSettings(seed=1, length=3, novel=True, tries=7)
    with pytest.raises(SamplingError) as caught:
        list(generator.texts("", settings, 4, text_filter(every)))
    assert str(caught.value) == (
        "only 0 of 4 texts were found among 28 generated: 28 in the texts of the sources; "
        "raise the temperature or tries, or ask for fewer."
    )
    missing = [text for text in every if text != "cab"]
    wide = SamplingSettings(temperature=1, seed=1, length=3, novel=True, tries=2000)
    # A text is "cab" with probability 0.2 * 0.3 * 0.2; none of 2,000 is with probability 3e-11.
    assert [text.text for text in generator.texts("", wide, 1, text_filter(missing))] == ["cab"]


def test_the_prompt_is_compared_as_part_of_the_text(generator: Generator) -> None:
    settings = SamplingSettings(seed=1, length=1, novel=True)
    texts = generator.texts("a", settings, 20, text_filter(["ab"]))
    assert "ab" not in {text.text for text in texts}
    texts = generator.texts("a", settings, 20, text_filter(["b", "a"]))
    accepted = {text.text for text in texts}
    assert "ab" in accepted and "a" not in accepted


@pytest.mark.parametrize("unit", ["line", "document"])
def test_a_model_rejects_the_documents_of_its_sources_and_no_others(
    tmp_path: Path, unit: Unit
) -> None:
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
    made = TextFilter(index=model.record.document_index, unique=False, text=settings)
    assert not any(made.admit(text) for text in written), "held-out documents are known too"
    # One of 200 texts shares a 40-bit hash with one of 200 documents with probability 4e-8.
    assert all(made.admit(text.replace("fact", "lie")) for text in written)
