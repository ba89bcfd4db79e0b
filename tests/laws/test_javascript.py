"""The JavaScript engine generates the texts of ``charloom generate``, bit for bit.

For the same model, prompt, seed and options, with and without WebAssembly. Logits, states and gates
have the same bits as those of the engine.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import make_runner
from decoders import generator_with
from javascript_engine import options_of, run_node
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray
from records import folder, record
from sampling_cases import SAMPLING_CASES
from soak import SOAK, times

import charloom
from charloom.exchange.model_json import model_object
from charloom.exchange.names import STORED_TYPES, StoredType
from charloom.exchange.stored_weights import round_model
from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.generator import Generator
from charloom.generation.sampling import surprisals as surprisals_of
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.network import exact
from charloom.network.engine import Engine
from charloom.randomness import uniform
from charloom.settings import Level, NetworkSettings, SamplingSettings, TextSettings
from charloom.settings.label_mixture import normalize_weights
from charloom.text.cleaning import clean_prompt
from charloom.text.symbols import BYTES
from charloom.text.vocabulary import EOS
from charloom.units import NATS_PER_BIT

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
PROMPT = "abéab"
"""Contains a symbol that the vocabulary lacks."""
SEEDS = 20 if SOAK == 1 else 1000
KERNELS = ("plain", "simd")
KNOWN_PROMPT = "bad"
"""Prompts of forbidden strings have known symbols only."""

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def make_record(settings: NetworkSettings) -> ModelRecord:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return record(LABELS, network=settings, vocabulary=make_vocabulary(LETTERS), tensors=tensors)


def make_generator(model: ModelRecord) -> Generator:
    engine = Engine(model.network, model.tensors)
    return generator_with(CompiledDecoder, engine, model.vocabulary, model.labels)


def check_texts(model: ModelRecord, cases: list[tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Check that both kernels and Python generate the same texts for prompts and options."""
    generator = make_generator(model)
    tasks = [
        {
            "task": "texts",
            "model": 0,
            "kernel": kernel,
            "prompt": prompt,
            "options": options_of(sampling, model.vocabulary),
            "count": SEEDS,
        }
        for prompt, sampling in cases
        for kernel in KERNELS
    ]
    results = iter(run_node([model], tasks, folder))
    for prompt, sampling in cases:
        expected = generator.generate(prompt, SamplingSettings(**sampling), SEEDS)
        for kernel in KERNELS:
            for one, other in zip(next(results), expected, strict=True):
                where = f"{sampling}, seed {other.seed}, {kernel}"
                assert (one["text"], one["stopped"]) == (other.text, other.stopped), where
                assert (len(one["ids"]), one["seed"]) == (other.symbols, str(other.seed)), where
                # The final logarithm is that of the browser: its last bit may differ.
                assert one["bits"] == pytest.approx(other.bits, rel=1e-12, abs=1e-12)


@pytest.mark.soak
@networks
def test_texts_are_those_of_python(settings: NetworkSettings, tmp_path: Path) -> None:
    """Of every network, with every sampling option."""
    cases = [
        (
            KNOWN_PROMPT if "forbid" in options else PROMPT,
            {"seed": 3, "length": 60, "label": "y", **options},
        )
        for options in SAMPLING_CASES.values()
    ]
    check_texts(make_record(settings), cases, tmp_path)


def test_seeds_prompts_and_label_mixtures(tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        (prompt, {"length": 30, "temperature": 1.0, **options})
        for prompt in ("", "a", "é\ud800\U0001f600b", "abc" * 200)
        for options in (
            {"seed": 2**31 + 5},
            {"seed": 2**53 + 1},
            {"label": {"x": 0.3, "y": 0.7}},
            {"label": {"y": 3, "x": 1e-9}, "seed": 12345678901},
        )
    ]
    for _, sampling in cases:
        sampling["seed"] = str(sampling.get("seed", 0))
    model = make_record(NETWORKS[2])
    generator, tasks = make_generator(model), []
    for prompt, sampling in cases:
        tasks.append(
            {"task": "texts", "model": 0, "prompt": prompt, "options": sampling, "count": 3}
        )
    for (prompt, sampling), texts in zip(cases, run_node([model], tasks, tmp_path), strict=True):
        settings = SamplingSettings(**sampling | {"seed": int(sampling["seed"])})
        expected = [text.text for text in generator.generate(prompt, settings, 3)]
        cleaned = [text.replace("\ud800", "\ufffd") for text in expected]
        assert [text["text"] for text in texts] == cleaned


@pytest.mark.parametrize("level", ["byte", "word", "closed-word", "grapheme"])
def test_texts_of_other_levels_from_ids(level: Level, tmp_path: Path) -> None:
    """At level byte also from the text of the prompt: a part of a character becomes U+FFFD."""
    symbols = {
        "byte": [BYTES[byte] for byte in (*range(97, 107), 0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0xEF)],
        "word": ["the", " cat", " sat", "c", "a", "t", " ", "."],
        "closed-word": ["the", "cat", "sat", " ", "."],
        "grapheme": ["a", "b", "e\u0301", "\U0001f468\u200d\U0001f469", "\r\n"],
    }[level]
    prompt = {"byte": "abé", "grapheme": "be\u0301a"}.get(level, "the cat")
    vocabulary = make_vocabulary(symbols, level)
    network = NETWORKS[9]
    tensors = random_tensors(network, len(vocabulary), seed=8, scale=0.8)
    model = record(
        network=network, vocabulary=vocabulary, tensors=tensors, text=TextSettings(clean=False)
    )
    sampling: dict[str, Any] = {"length": 50, "temperature": 1.5, "seed": 4}
    sampling |= {"repetition_penalty": 1.4, "stop": ("aé", "cat")}
    expected = make_generator(model).generate(prompt, SamplingSettings(**sampling), SEEDS)
    ids = vocabulary.encode(prompt).tolist()
    task = {"task": "texts", "model": 0, "options": options_of(sampling), "count": SEEDS}
    prompts = [{"ids": ids}, prompt] if level == "byte" else [{"ids": ids}]
    results = run_node([model], [task | {"prompt": given} for given in prompts], tmp_path)
    for texts in results:
        assert [text["text"] for text in texts] == [text.text for text in expected]
    assert level != "byte" or any("\ufffd" in text.text for text in expected)


def test_texts_of_a_stream_have_their_full_length(tmp_path: Path) -> None:
    vocabulary = make_vocabulary(LETTERS)
    counts = (1, *vocabulary.counts[1:])
    model = dataclasses.replace(
        make_record(NETWORKS[0]),
        text=TextSettings(unit="stream"),
        vocabulary=dataclasses.replace(vocabulary, counts=counts),
    )
    generator = Model(model).generator
    cases: list[dict[str, Any]] = [{}, {"bias": {"<eos>": 1.0}}, {"match": "[a-k]*", "seed": 5}]
    tasks = [
        {"task": "texts", "model": 0, "prompt": "a", "options": options_of({"length": 40, **case})}
        for case in cases
    ]
    for case, [text] in zip(cases, run_node([model], tasks, tmp_path), strict=True):
        [expected] = generator.generate("a", SamplingSettings(length=40, **case))
        assert text["text"] == expected.text
        assert case or len(text["text"]) == 41


@pytest.mark.parametrize("length", [3, 20])
@pytest.mark.parametrize("bias", [{}, {"a": -math.inf, "f": 2.0}])
def test_one_automaton_serves_all_prompts_lengths_and_biases(
    length: int, bias: dict[str, float], tmp_path: Path
) -> None:
    pattern = "b?é?(ab|[d-f]c)*(h|gg)"
    cases = [
        (prompt, {"match": pattern, "length": length, "min_length": least, "bias": bias})
        for prompt in ("", "b", "bé", "é")
        for least in (0, 1, 3)
    ]
    check_texts(make_record(NETWORKS[3]), cases, tmp_path)


@networks
def test_logits_states_and_gates_are_those_of_the_engine(
    settings: NetworkSettings, tmp_path: Path
) -> None:
    """Bit for bit; probabilities and bits of symbols to the last digits."""
    model = make_record(settings)
    loaded, generator = Model(model), make_generator(model)
    text, label = "abcéabcde", {"x": 0.25, "y": 0.75}
    tasks = [
        {"task": task, "model": 0, "kernel": kernel, "text": text, "label": label}
        for kernel in KERNELS
        for task in ("logits", "states", "next", "surprisals")
    ]
    results = run_node([model], tasks, tmp_path)
    assert results[:4] == results[4:]
    logits, states, following, surprisals = results[:4]
    ids_T = np.concatenate([[EOS], model.vocabulary.encode(text)])
    engine, state = Engine(settings, model.tensors), generator.start_state(label)
    bits = []
    for t, index in enumerate(ids_T):
        logits_BV, state = engine.step(np.array([index]), state)
        target = ids_T[t + 1] if t + 1 < len(ids_T) else EOS
        bits.append(float(surprisals_of(logits_BV, np.array([target]))[0]) / NATS_PER_BIT)
    assert logits == logits_BV[0].tolist()
    traced = loaded.states(text, label)
    assert states["shape"] == list(traced.hidden.shape)
    assert states["hidden"] == traced.hidden.ravel().tolist()
    assert states["cell"] == ([] if traced.cell is None else traced.cell.ravel().tolist())
    assert states["gates"] == [[name, g.ravel().tolist()] for name, g in traced.gates.items()]
    assert states["symbols"] == list(traced.symbols)
    expected = generator.next(text, label)
    assert [symbol for symbol, _ in following] == [symbol for symbol, _ in expected]
    assert [p for _, p in following] == pytest.approx([p for _, p in expected], rel=1e-13)
    assert surprisals["bits"] == pytest.approx(bits, rel=1e-13)
    scored = loaded.surprisals(text, label)
    assert surprisals["symbols"] == list(scored.symbols)
    assert surprisals["characters"] == scored.characters
    assert surprisals["bitsPerCharacter"] == pytest.approx(scored.bits_per_character, rel=1e-5)


def test_exp_sigmoid_and_tanh_have_the_bits_of_numpy(tmp_path: Path) -> None:
    """Of random bit patterns, and of values near the ends and where the exponent changes."""
    generator = np.random.default_rng(5)
    steps = (np.arange(-130, 130)[:, None] + 0.5) * NATS_PER_BIT + np.arange(-40, 41) * 1e-7
    values = np.concatenate(
        [
            generator.integers(0, 2**32, times(20_000), np.uint64).astype(np.uint32).view("f4"),
            generator.uniform(-20, 20, times(20_000)).astype("f4"),
            steps.astype("f4").ravel(),
            np.array([0.0, -0.0, -87, 88, -86.999, 87.999, np.inf, -np.inf], "f4"),
        ]
    )
    values = values[~np.isnan(values)]
    task = {"task": "exp", "bits": values.view(np.int32).tolist()}
    [[exps, sigmoids, tanhs]] = run_node([], [task], tmp_path)
    with np.errstate(over="ignore"):
        assert exps == exact.exp(values).view(np.int32).tolist()
        assert sigmoids == exact.sigmoid(values).view(np.int32).tolist()
        assert tanhs == exact.tanh(values).view(np.int32).tolist()


def test_uniform_numbers_and_label_weights_are_those_of_python(tmp_path: Path) -> None:
    seeds = [0, 1, 2**31, 2**32 + 7, 2**53 + 1, 2**63 - 1, *range(100, 100 + times(200))]
    positions = [0, 1, 499, 2**32 - 1, 2**32, 2**52 + 3]
    places = [(s & 0xFFFFFFFF, s >> 32, p) for s in seeds for p in positions]
    generator = np.random.default_rng(2)
    mixtures = [
        [
            (f"label {k}", float(weight))
            for k, weight in enumerate(10.0 ** generator.uniform(-spread, spread, size))
        ]
        for spread in (0.1, 3.0, 30.0)
        for size in (1, 2, 3, 7, 30)
        for _ in range(times(10))
    ]
    tasks: list[dict[str, Any]] = [{"task": "uniform", "places": places}]
    tasks += [{"task": "weights", "given": given} for given in mixtures]
    numbers, *weights = run_node([], tasks, tmp_path)
    for number, (low, high, position) in zip(numbers, places, strict=True):
        seed = np.uint64(high * 2**32 + low)
        assert number == float(uniform(np.array(seed), np.array(np.uint64(position))))
    for result, given in zip(weights, mixtures, strict=True):
        assert dict(result) == normalize_weights(dict(given))


PROMPTS = {
    "char": ["abc", "a\r\nb\x00\x85c\ufeff", "e\u0301", "\ud83d\ude00", "12 Feb", "4 May may"],
    "byte": ["abc", "é\U0001f600"],
}


@pytest.mark.parametrize("level", ["char", "byte"])
@pytest.mark.parametrize("masks", [False, True])
def test_prompts_are_cleaned_and_split_as_by_charloom(
    level: Level, masks: bool, tmp_path: Path
) -> None:
    text = TextSettings(level=level, mask_digits=masks)
    symbols = [BYTES[b] for b in range(256)] if level == "byte" else list("abc 012éFebJanM")
    vocabulary = make_vocabulary(list(dict.fromkeys(symbols)), level)
    model = record(text=text, vocabulary=vocabulary)
    tasks = [{"task": "prompt", "model": 0, "prompt": prompt} for prompt in PROMPTS[level]]
    for prompt, read in zip(PROMPTS[level], run_node([model], tasks, tmp_path), strict=True):
        cleaned = clean_prompt(prompt, text)
        assert read["text"] == cleaned
        assert read["ids"] == vocabulary.encode(cleaned).tolist()
        assert read["symbols"] == list(vocabulary.iter_symbols(cleaned))
        assert read["exact"]


def test_a_prompt_that_charloom_may_read_otherwise_is_reported(tmp_path: Path) -> None:
    words = record(vocabulary=make_vocabulary(["the", " cat", " ", "s", "at"], "word"))
    html = ["R&amp;B", "a <b>b</b>", "Duo #39;s"]
    tasks = [{"task": "prompt", "model": 1, "prompt": prompt} for prompt in html]
    tasks.append({"task": "prompt", "model": 0, "prompt": "the cats at"})
    *cleaned, split = run_node([words, record()], tasks, tmp_path)
    assert not any(read["exact"] for read in cleaned)
    assert not split["exact"]
    assert split["symbols"] == ["the", " cat", "s", " ", "at"]


def test_work_is_done_in_slices(tmp_path: Path) -> None:
    """With a clock that moves by 3 ms whenever it is read."""
    tasks: list[dict[str, Any]] = [
        {"task": "slices", "count": 7, "milliseconds": 8},
        {"task": "slices", "count": 7, "milliseconds": 8, "abortAfter": 1},
        {"task": "responsive", "milliseconds": 200},
    ]
    whole, ended, responsive = run_node([], tasks, tmp_path)
    assert whole == ["done", [[0, 1, 2], [3, 4, 5], [6]], 2]
    assert ended == {"error": "ended"}
    assert responsive["slices"] >= 3
    assert responsive["ticks"] >= responsive["slices"] // 4


def test_a_copy_of_a_draft_continues_alike(tmp_path: Path) -> None:
    model = make_record(NETWORKS[2])
    options = {"length": 30, "repetitionPenalty": 1.3, "topK": 5, "stop": ["kk"], "label": "x"}
    task = {"task": "draft", "model": 0, "prompt": "ab", "options": options}
    tasks = [task | {"before": 4, "chosen": chosen} for chosen in ([4, 5], [1], [99])]
    result, *refused = run_node([model], tasks, tmp_path)
    assert refused == [
        {"error": f"the symbol {symbol} may not follow under these options."}
        for symbol in ('"<unk>"', "99")
    ]
    assert result["steps"][0] == result["steps"][1] != []
    assert result["bits"][0] == result["bits"][1]
    assert result["appended"] == ["c", "d"]
    assert sum(p > 0 for p in result["sampled"]) == 5
    assert sum(result["sampled"]) == pytest.approx(1)
    expected = dict(make_generator(model).next("abcd", "x"))
    symbols = model.vocabulary.symbols
    assert {s: p for s, p in zip(symbols, result["model"], strict=True) if s != "<unk>"} == (
        pytest.approx(expected)
    )


FORBIDDEN: dict[str, tuple[Level, list[str], str, dict[str, Any]]] = {
    "whole words": (
        "char",
        list("abcdeé .-A"),
        "a b",
        {"forbid": ("ab", "c d", "é"), "forbid_whole_words": True},
    ),
    "ignoring case": (
        "char",
        list("abcAB ßsS"),
        "ab",
        {"forbid": ("aab", "SS", "Ca"), "forbid_ignore_case": True},
    ),
    "never ends": ("char", list("abc"), "", {"forbid": ("ab", "cc"), "bias": {"<eos>": -math.inf}}),
    "minimum": ("char", list("abcdef"), "", {"forbid": ("ab", "cc", "fed"), "min_length": 30}),
    "words": ("word", ["the", " cat", " cats", "c", "a", "t", " ", "."], "the", {
        "forbid": ("cat", " ."), "forbid_whole_words": True,
    }),
    "bytes": (
        "byte",
        [BYTES[byte] for byte in (*range(97, 101), 0xC3, 0xA9, 0xA8)],
        "aé",
        {"forbid": ("éa", "bb", "\ufffd")},
    ),
    "match": (
        "char",
        list("abcdef"),
        "",
        {"forbid": ("ab", "fe"), "match": "[a-f]{3,9}d", "min_length": 5, "bias": {"d": -1.0}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN.values(), ids=FORBIDDEN)
def test_texts_without_forbidden_strings(
    case: tuple[Level, list[str], str, dict[str, Any]], tmp_path: Path
) -> None:
    level, symbols, prompt, sampling = case
    vocabulary, network = make_vocabulary(symbols, level), NETWORKS[8]
    tensors = random_tensors(network, len(vocabulary), seed=8, scale=0.8)
    model = record(network=network, vocabulary=vocabulary, tensors=tensors)
    options: dict[str, Any] = {"length": 40, "temperature": 1.5, **sampling}
    ids = vocabulary.encode(prompt).tolist()
    task = {"task": "texts", "model": 0, "prompt": {"ids": ids}, "count": SEEDS}
    [texts] = run_node([model], [task | {"options": options_of(options, vocabulary)}], tmp_path)
    expected = make_generator(model).generate(prompt, SamplingSettings(**options), SEEDS)
    assert [text["text"] for text in texts] == [text.text for text in expected]


def test_texts_are_those_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model folder, with a prompt that is cleaned."""
    path = folder(tmp_path / "run", labels=LABELS)
    options = {"seed": 11, "temperature": 1.2, "length": 80, "topP": 0.95, "label": "y"}
    prompt = "abe\u0301 \x07c"
    arguments = [
        f"--{'top-p' if name == 'topP' else name}={value}" for name, value in options.items()
    ]
    done = make_runner(capsys, monkeypatch)(
        "generate", path, prompt, *arguments, "--format", "jsonl"
    )
    task = {"task": "texts", "model": 0, "prompt": prompt, "options": options}
    [[text]] = run_node([charloom.load(path).record], [task], tmp_path)
    assert text["text"] == done.records[0]["text"]
    assert text["text"].startswith("abé c")


@pytest.mark.parametrize("dtype", STORED_TYPES)
def test_stored_weights_are_read_as_python_reads_them(dtype: StoredType, tmp_path: Path) -> None:
    """All finite numbers of half precision are among them."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].astype(np.float32)
    network = NetworkSettings(hidden=3, input=-(-len(halves) // (len(LETTERS) + 2)))
    model = make_record(network)
    shape = model.tensors["embedding.weight"].shape
    embedding: NDArray[np.float32] = np.resize(halves, shape)
    model = dataclasses.replace(model, tensors={**model.tensors, "embedding.weight": embedding})
    source, names = model_object(model, dtype), ("embedding.weight", "output.weight")
    tasks = [{"task": "tensor", "source": source, "name": name} for name in names]
    for name, values in zip(names, run_node([], tasks, tmp_path), strict=True):
        expected = round_model(model, dtype).tensors[name].ravel()
        assert np.array(values, np.float32).tolist() == expected.tolist()
