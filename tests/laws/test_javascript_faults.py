"""Hostile models and wrong options: one error of one line each, from the JavaScript engine."""

import base64
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from javascript_engine import options_of, run_node
from networks import make_vocabulary
from records import record

from charloom.exchange.automaton_json import automaton_object
from charloom.exchange.forbidden_json import forbidden_object
from charloom.exchange.model_json import model_object, model_text, to_base64
from charloom.settings import NetworkSettings

MODEL = model_object(record(("x", "y"), network=NetworkSettings(hidden=3, input=2)))
NAN = base64.b64encode(np.full(15, np.nan, "<f4").tobytes()).decode()


def altered(path: str, value: Any) -> dict[str, Any]:
    """Return the model with another value at a path of keys."""
    model = copy.deepcopy(MODEL)
    *parents, last = path.split("/")
    inner = model
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return model


BIAS = "tensors/output.bias"
HALVES = np.array([0.0] * 14 + [np.inf])
LARGE_ROW = {
    "data": to_base64(np.full(15, 127), "i1"),
    "scales": to_base64(np.array([3e38]), "<f4"),
}
MODELS: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"format": ', "the model is no valid JSON; it is truncated or damaged."),
    "null": (None, "the model is null; it must be an object."),
    "list": ([1], "the model is 1; it must be an object."),
    "format": (
        altered("format", "x"),
        'the model has format "x"; it must be "charloom-model".',
    ),
    "version": (
        altered("version", 2),
        "the model has version 2; this engine reads version 1.",
    ),
    "cell": (altered("network/cell", "cnn"), 'network.cell is "cnn"; it must be lstm, gru or rnn.'),
    "hidden": (
        altered("network/hidden", -1),
        "network.hidden is -1; it must be a whole number from 1 to 16777216.",
    ),
    "layers": (
        altered("network/layers", 1e9),
        "network.layers is 1000000000; it must be a whole number from 1 to 1000.",
    ),
    "input": (
        altered("network/input", "embedding"),
        'network.input is "embedding"; it must be a whole number from 1 to 16777216.',
    ),
    "huge": (
        altered("network/hidden", 2**24),
        "cells.0.input_weight has shape 12,2; this network needs 67108864,2.",
    ),
    "bomb": (
        altered("network/hidden", 2**24)
        | {
            "tensors": MODEL["tensors"]
            | {"embedding.weight": {"type": "float32", "shape": [15, 2], "data": "A" * 400}}
        },
        "embedding.weight has 400 characters of base64, but 120 bytes need 160; it is truncated or "
        "damaged: export the model again.",
    ),
    "level": (
        altered("vocabulary/level", "line"),
        'vocabulary.level is "line"; it must be one of char, byte, grapheme, word, closed-word.',
    ),
    "pattern": (
        altered("vocabulary/has_token_pattern", None),
        "vocabulary.has_token_pattern must be true or false.",
    ),
    "symbols": (
        altered("vocabulary/symbols", ["a"]),
        "vocabulary.symbols must be a list that begins with <eos> and <unk>.",
    ),
    "symbol": (
        altered("vocabulary/symbols", ["<eos>", "<unk>", "ab"]),
        'vocabulary.symbols has "ab", no symbol of char.',
    ),
    "twice": (
        altered("vocabulary/symbols", ["<eos>", "<unk>", "a", "a"]),
        "vocabulary.symbols has a symbol twice.",
    ),
    "labels": (altered("labels", ["x", "x"]), "labels must be a list of different texts."),
    "flag": (altered("endless", 0), "endless is 0; it must be true or false."),
    "no tensors": (altered("tensors", None), "tensors is null; it must be an object."),
    "extra": (
        altered("tensors/__proto__x", {}),
        'the model has a tensor "__proto__x", which its network lacks.',
    ),
    "missing": (
        altered("tensors", {k: v for k, v in MODEL["tensors"].items() if k != "output.bias"}),
        "output.bias is missing.",
    ),
    "type": (
        altered(f"{BIAS}/type", "float64"),
        'output.bias has type "float64"; it must be float32, float16 or int8.',
    ),
    "shape": (
        altered(f"{BIAS}/shape", [14]),
        "output.bias has shape 14; this network needs 15.",
    ),
    "shape text": (
        altered(f"{BIAS}/shape", "15"),
        'output.bias has shape "15"; this network needs 15.',
    ),
    "data": (altered(f"{BIAS}/data", 5), "output.bias is 5; it must be a base64 text."),
    "truncated": (
        altered(f"{BIAS}/data", MODEL["tensors"]["output.bias"]["data"][:-8]),
        "output.bias has 72 characters of base64, but 60 bytes need 80; it is truncated or "
        "damaged: export the model again.",
    ),
    "letters": (
        altered(f"{BIAS}/data", "!" * 80),
        "output.bias is no valid base64; it is damaged: export the model again.",
    ),
    "padding": (
        altered(f"{BIAS}/data", "A" * 78 + "=="),
        "output.bias is no valid base64; it is damaged: export the model again.",
    ),
    "half": (
        altered(BIAS, {"type": "float16", "shape": [15], "data": to_base64(HALVES, "<f2")}),
        "output.bias holds NaN or infinity; export the model again.",
    ),
    "no scales": (
        altered(BIAS, {"type": "int8", "shape": [15], "data": to_base64(np.zeros(15), "i1")}),
        "the scales of output.bias is undefined; it must be a base64 text.",
    ),
    "products": (
        altered(BIAS, {"type": "int8", "shape": [15], **LARGE_ROW}),
        "output.bias holds NaN or infinity; export the model again.",
    ),
    "nan": (
        altered(f"{BIAS}/data", NAN),
        "output.bias holds NaN or infinity; export the model again.",
    ),
}
NAMES = (
    "temperature, length, minLength, stop, seed, label, topK, topP, minP, repetitionPenalty, "
    "repetitionSpan, bias, match, forbid"
)
SEEDS = "it must be a whole number from 0 to 9223372036854775807"
OPTIONS: dict[str, tuple[Any, str]] = {
    "null": (5, "the options are 5; they must be an object."),
    "unknown": ({"temprature": 1}, f'"temprature" is no option; there are {NAMES}.'),
    "temperature": (
        {"temperature": float("nan")},
        "temperature is NaN; it must be a number of at least 0.",
    ),
    "negative": ({"temperature": -1}, "temperature is -1; it must be a number of at least 0."),
    "text": ({"temperature": "1"}, 'temperature is "1"; it must be a number of at least 0.'),
    "length": (
        {"length": 1.5},
        "length is 1.5; it must be a whole number of at least 1 and of at most 2147483646.",
    ),
    "seed": ({"seed": float("nan")}, f"seed is NaN; {SEEDS}."),
    "fraction": ({"seed": 0.5}, f"seed is 0.5; {SEEDS}."),
    "negative seed": ({"seed": -1}, f"seed is -1; {SEEDS}."),
    "large seed": (
        {"seed": 2**60},
        f"seed is 1152921504606847000; {SEEDS}; write a number above 2**53 as a text or a bigint.",
    ),
    "seed text": ({"seed": "1e3"}, f'seed is "1e3"; {SEEDS}.'),
    "largest seed": ({"seed": str(2**63)}, f'seed is "9223372036854775808"; {SEEDS}.'),
    "top-k": ({"topK": 0}, "topK is 0; it must be a whole number of at least 1."),
    "top-p": ({"topP": 0}, "topP is 0; it must be a number above 0 and of at most 1."),
    "min-p": ({"minP": 2}, "minP is 2; it must be a number of at least 0 and of at most 1."),
    "penalty": (
        {"repetitionPenalty": 0},
        "repetitionPenalty is 0; it must be a number above 0.",
    ),
    "span": (
        {"repetitionPenalty": 2, "repetitionSpan": 257},
        "repetitionSpan is 257; it must be a whole number of at least 1 and of at most 256.",
    ),
    "span alone": (
        {"repetitionSpan": 2},
        "repetitionSpan was given without repetitionPenalty; there it has no effect: leave it out.",
    ),
    "greedy": (
        {"temperature": 0, "topP": 0.5},
        "topP was given at temperature 0, which always takes the best symbol; leave it out.",
    ),
    "lengths": (
        {"length": 3, "minLength": 4},
        "minLength 4 is more than length 3; lower one or raise the other.",
    ),
    "stop": ({"stop": ["a", ""]}, 'stop has ""; give texts of at least one character.'),
    "bias": ({"bias": 3}, "bias is 3; it must be numbers by symbol."),
    "bias text": (
        {"bias": {"a": "x"}},
        'the bias of "a" is "x"; it must be a number, or -Infinity to forbid the symbol.',
    ),
    "bias nan": (
        {"bias": {"a": float("nan")}},
        'the bias of "a" is NaN; it must be a number, or -Infinity to forbid the symbol.',
    ),
    "match, stop": (
        {"match": {}, "stop": "a"},
        "match and stop contradict each other: a text that is cut matches no more; give one of "
        "them.",
    ),
    "match, end": (
        {"match": {}, "bias": {"<eos>": -np.inf}},
        "match and a bias of -Infinity for <eos> contradict each other: a match could not end.",
    ),
}
AUTOMATON = automaton_object("a+b")
EVEN = automaton_object("(aa)*")
FORBIDDEN = forbidden_object(("ab", "cc"), record().vocabulary)
ALL_FORBIDDEN = dict.fromkeys(["<eos>", *MODEL["vocabulary"]["symbols"][2:]], -np.inf)
TEXTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "label": (
        "",
        {"label": "z"},
        'label "z" is not known to this model; known labels: x, y.',
    ),
    "label list": ("", {"label": ["x"]}, "label is x; give a label, or weights by label."),
    "no weights": ("", {"label": {}}, "label has no weights; give a label, or weights by label."),
    "weight": (
        "",
        {"label": {"x": float("nan")}},
        'the weight of label "x" is NaN; it must be a finite number above 0.',
    ),
    "small weight": (
        "",
        {"label": {"x": 1e300, "y": 1e-300}},
        'the weight of label "y" is nothing beside that of "x"; leave the label out.',
    ),
    "bias": ("", {"bias": {"Z": 1}}, 'bias names "Z", which is no symbol of this model.'),
    "all": (
        "",
        {"bias": ALL_FORBIDDEN},
        "every symbol is forbidden by a bias; allow at least one.",
    ),
    "all but the end": (
        "",
        {"bias": ALL_FORBIDDEN | {"<eos>": 0}, "minLength": 2},
        "every symbol but <eos> is forbidden by a bias, and minLength 2 needs others; allow at "
        "least one.",
    ),
    "ids": (
        {"ids": [2, 99]},
        {},
        "the prompt has the id 99; this model has ids from 1 to 14.",
    ),
    "prompt": (7, {}, "the prompt is 7; it must be a text, or {ids: [...]}."),
    "match": (
        "",
        {"match": "a+b"},
        'match must be an automaton with format "charloom-automaton"; export it with the model.',
    ),
    "states": (
        "",
        {"match": AUTOMATON | {"states": 1e12}},
        "the automaton of match is too large or has no states.",
    ),
    "damaged": (
        "",
        {"match": AUTOMATON | {"matches": AUTOMATON["matches"][:-4]}},
        "matches has 0 characters of base64, but 3 bytes need 4; it is truncated or damaged: "
        "export the model again.",
    ),
    "states beyond": (
        "",
        {"match": AUTOMATON | {"next": base64.b64encode(b"\x09\0\0\0" * 9).decode()}},
        "the automaton of match is damaged: export it again.",
    ),
    "match prompt": ("b", {"match": AUTOMATON}, 'no match of "a+b" begins with the prompt "b".'),
    "forbid": (
        "",
        {"forbid": ["ab"]},
        'forbid must be an automaton with format "charloom-forbidden"; export it with the model.',
    ),
    "forbid states": (
        "",
        {"forbid": FORBIDDEN | {"states": -1}},
        "forbid.states is -1; it must be a whole number from 1 to 16777216.",
    ),
    "forbid rows": (
        "",
        {"forbid": FORBIDDEN | {"rows": 2**24}},
        "forbid has too many rows.",
    ),
    "forbid start": (
        "",
        {"forbid": FORBIDDEN | {"start": FORBIDDEN["states"]}},
        "the automaton of forbid is damaged: export it again.",
    ),
    "forbid prompt": (
        "cab",
        {"forbid": FORBIDDEN},
        "the prompt holds a forbidden string; change one of them.",
    ),
    "forbid unknown": (
        "aZ",
        {"forbid": FORBIDDEN},
        "the prompt has a symbol that this model lacks, and forbidden strings cannot be followed "
        "past it; change the prompt, or leave forbid out.",
    ),
    "forbid all": (
        "",
        {"forbid": FORBIDDEN, "minLength": 9, "bias": ALL_FORBIDDEN | {"c": 0, "<eos>": 0}},
        "no text without the forbidden strings has 9 to 500 symbols of this model after the "
        "prompt.",
    ),
    "forbid, match": (
        "",
        {"forbid": FORBIDDEN, "match": AUTOMATON},
        'no match of "a+b" without the forbidden strings has 0 to 500 symbols of this model after '
        "the prompt.",
    ),
    "minimum length": (
        "",
        {"match": EVEN, "minLength": 10**6, "length": 2 * 10**6},
        "minLength 1000000 is too large for match or forbid.",
    ),
    "match length": (
        "",
        {"match": AUTOMATON, "length": 1},
        'no match of "a+b" has 0 to 1 symbols of this model after the prompt.',
    ),
}


@pytest.mark.parametrize("cases", [dict(list(MODELS.items())[k::4]) for k in range(4)])
def test_a_damaged_model_is_one_error(cases: dict[str, Any], tmp_path: Path) -> None:
    tasks = [{"task": "read", "source": source} for source, _ in cases.values()]
    expected = [{"error": message} for _, message in cases.values()]
    assert run_node([], tasks, tmp_path) == expected


def test_wrong_options_are_one_error(tmp_path: Path) -> None:
    tasks = [{"task": "options", "options": options} for options, _ in OPTIONS.values()]
    expected = [{"error": message} for _, message in OPTIONS.values()]
    assert run_node([], tasks, tmp_path) == expected


def test_options_and_prompts_that_a_model_does_not_have_are_one_error(tmp_path: Path) -> None:
    tasks = [
        {"task": "texts", "model": 0, "prompt": prompt, "options": options}
        for prompt, options, _ in TEXTS.values()
    ]
    expected = [{"error": message} for *_, message in TEXTS.values()]
    assert run_node([MODEL], tasks, tmp_path) == expected


def test_a_label_without_labels_and_seeds_beyond_the_last(tmp_path: Path) -> None:
    options = {"seed": str(2**63 - 2), "length": 1}
    tasks = [
        {"task": "texts", "model": 0, "prompt": "", "options": {"label": "x"}},
        {"task": "texts", "model": 0, "prompt": "", "options": options, "count": 3},
    ]
    tasks.append({"task": "texts", "model": 0, "prompt": "", "options": {}, "first": -1})
    label, seeds, number = run_node([record()], tasks, tmp_path)
    assert number["error"] == "k is -1; it must be a whole number of at least 0."
    assert label["error"] == 'label is "x", but this model has no labels; leave it out.'
    assert seeds["error"] == (
        f"seed is {2**63 - 2}, and each of 3 texts takes the next one; it must be at most "
        f"{2**63 - 3}."
    )


def test_truncated_and_mutated_models_are_read_or_refused(tmp_path: Path) -> None:
    """Neither another exception nor a crash; 300 texts, each with one random change."""
    text, generator = model_text(record(network=NetworkSettings(hidden=2, input=1))), []
    random = np.random.default_rng(7)
    for _ in range(300):
        place, change = int(random.integers(len(text))), int(random.integers(4))
        inserted = ["", '"', "[", str(random.integers(10**6))][change]
        generator.append(text[:place] + inserted + text[place + 1 :] if change else text[:place])
    tasks = [{"task": "read", "source": source} for source in generator]
    results = run_node([], tasks, tmp_path)
    assert all(result is None or "\n" not in result["error"] for result in results)
    assert sum(result is not None for result in results) > 150


def test_a_minimum_length_that_no_match_has(tmp_path: Path) -> None:
    model = record(vocabulary=make_vocabulary("ab"))
    options = options_of({"match": "a{1,3}", "min_length": 5})
    [result] = run_node(
        [model], [{"task": "texts", "model": 0, "prompt": "", "options": options}], tmp_path
    )
    assert result["error"] == (
        'no match of "a{1,3}" has 5 to 500 symbols of this model after the prompt.'
    )
