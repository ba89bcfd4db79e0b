"""The words for a run are compared to the letter; the uniform loss with its definition."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from corpora_by_hand import part
from training_events import VOCABULARY, plan, stopped

from charloom.progress.plan_text import (
    describe_outcome,
    describe_plan,
    uniform_bits_per_character,
)
from charloom.runs.plan import Plan
from charloom.settings import NetworkSettings


def row(described: Plan, heading: str) -> str:
    [text] = [text for name, text in describe_plan(described) if name == heading]
    return text


def outcome(described: Plan, bits: float | None = 1.5, *, interrupted: bool = False) -> list[str]:
    lines = describe_outcome(described, stopped(bits, interrupted=interrupted))
    return [line.plain.replace("\\", "/") for line in lines]


def test_plan_has_data_network_settings_and_notes() -> None:
    # Characters are counted with one boundary a text.
    assert describe_plan(plan(training={"minutes": 1}, notes=("the run is resumed.",))) == [
        ("training", "3 texts, 14 characters"),
        ("validation", "1 text, 3 characters"),
        ("symbols", "4, level char; 1 symbol of the text is rare and becomes <unk>"),
        ("network", "GRU, 2 layers of 1200, embedding of 64: 1,300 parameters"),
        ("settings", "1 minute, minibatches of 32, muon, cpu, bf16, seed 0"),
        ("note", "the run is resumed."),
        ("note", "two texts were left out."),
    ]


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        ({}, "2 minutes"),
        ({"minutes": 0.5}, "0.5 minutes"),
        ({"epochs": 1}, "1 epoch"),
        ({"epochs": 3}, "3 epochs"),
        ({"steps": 12000}, "12,000 steps"),
    ],
)
def test_budget_comes_first_in_the_settings(budget: dict[str, Any], shown: str) -> None:
    assert row(plan(training=budget), "settings").startswith(f"{shown}, minibatches of 32")


def test_one_layer_with_one_hot_input() -> None:
    network = NetworkSettings(cell="lstm", hidden=64, input="one-hot")
    assert row(plan(network=network), "network") == (
        "LSTM, 1 layer of 64, one-hot input: 1,300 parameters"
    )


@pytest.mark.parametrize(
    ("freeze", "shown"),
    [
        ("none", "1,300 parameters"),
        ("embedding", "1,300 parameters, embedding frozen"),
        (1, "1,300 parameters, input and 1 lower layer frozen"),
        (2, "1,300 parameters, input and 2 lower layers frozen"),
    ],
)
def test_frozen_parameters_are_named(freeze: Any, shown: str) -> None:
    assert row(plan(training={"freeze": freeze}), "network").endswith(f": {shown}")


def test_weights_of_sources_have_a_row() -> None:
    weighted = plan(
        corpus={"source_documents": (2, 1)},
        training={"source_weights": (3, 0.5)},
        sources=("a.txt", "b.txt"),
    )
    assert row(weighted, "weights") == "a.txt x 3 (2 texts), b.txt x 0.5 (1 text)"
    assert "weights" not in dict(describe_plan(plan()))


def test_processes_are_named_only_if_there_are_several() -> None:
    assert row(plan(processes=3), "settings").endswith(", seed 0, data parallel over 3 processes")
    assert "processes" not in row(plan(processes=1), "settings")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "4, level char"),
        (1, "4, level char; 1 symbol of the text is rare and becomes <unk>"),
        # Of 14 symbols, boundaries included.
        (2, "4, level char; 2 symbols of the text (14 %) are rare and become <unk>"),
    ],
)
def test_rare_symbols_are_counted(count: int, shown: str) -> None:
    vocabulary = dataclasses.replace(VOCABULARY, counts=(3, count, 5, 5))
    assert row(plan(corpus={"vocabulary": vocabulary}), "symbols") == shown


def test_less_than_a_thousandth_of_rare_symbols_has_no_percentage() -> None:
    vocabulary = dataclasses.replace(VOCABULARY, counts=(3, 2, 5, 5))
    many = part(["ab" * 1500], VOCABULARY)
    assert row(plan(corpus={"vocabulary": vocabulary, "training": many}), "symbols").endswith(
        "; 2 symbols of the text are rare and become <unk>"
    )


def test_symbols_of_prompts_that_the_vocabulary_lacks_are_noted() -> None:
    notes = [
        text
        for name, text in describe_plan(plan(training={"prompts": ("a☃", "xb")}))
        if name == "note"
    ]
    assert notes == [
        "two texts were left out.",
        'the model does not know "☃", "x": <unk> is fed in their place.',
    ]


def test_outcome_names_weights_folder_and_next_command() -> None:
    assert outcome(plan()) == [
        "Done: the best weights, 1.500 bits per character, are in runs/my titles",
        "Try: charloom generate 'runs/my titles' -n 5",
    ]


@pytest.mark.parametrize(
    ("prompts", "labels", "end"),
    [
        (("", "To be "), (), " 'To be ' -n 5"),
        (("",), ("a b", "c"), " -n 5 --label 'a b'"),
        (("To ", "be"), ("c",), " 'To ' -n 5 --label c"),
    ],
)
def test_next_command_has_the_first_prompt_and_label(
    prompts: tuple[str, ...], labels: tuple[str, ...], end: str
) -> None:
    described = plan(corpus={"labels": labels}, training={"prompts": prompts})
    assert outcome(described)[1] == f"Try: charloom generate 'runs/my titles'{end}"


def test_interrupted_run_names_the_command_that_resumes_it() -> None:
    assert outcome(plan(), None, interrupted=True) == [
        "Interrupted: the last weights, not validated, are in runs/my titles",
        "Try: charloom generate 'runs/my titles' -n 5",
        "Resume: charloom train 'my titles.csv' -o 'runs/my titles' --resume",
    ]


def test_the_library_names_calls() -> None:
    described = plan(corpus={"labels": ("a b",)}, training={"prompts": ("", "It's ")})
    lines = describe_outcome(described, stopped(interrupted=True), library=True)
    assert [line.plain for line in lines] == [
        "Interrupted: the best weights, 1.500 bits per character, are in runs/my titles",
        """Try: charloom.load('runs/my titles').generate("It's ", n=5, label='a b')""",
        "Resume: the same call of charloom.train with output='runs/my titles', resume=True",
    ]


def test_run_that_saves_no_model_has_no_outcome() -> None:
    assert describe_outcome(plan(output=None), stopped()) == []
    assert outcome(plan(output=None), None, interrupted=True) == [
        "Interrupted: the last weights, not validated, are returned. A run with output= can be "
        "resumed."
    ]
    assert outcome(plan(output=Path("run")))[0].endswith("are in run")


def test_uniform_loss_is_the_logarithm_of_the_vocabulary_size() -> None:
    # At level char each symbol is one character, and so is each boundary.
    assert uniform_bits_per_character(plan()) == pytest.approx(math.log2(len(VOCABULARY)))
