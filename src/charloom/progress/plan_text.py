"""What a training run is about to do, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from charloom import units
from charloom.formatting import unknown_symbols_note

if TYPE_CHECKING:
    from charloom.data.corpus import Corpus
    from charloom.runs.plan import Plan


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """Return what a run is about to do, as names and sentences."""
    corpus, network, training = plan.corpus, plan.network, plan.training
    vocabulary = corpus.vocabulary
    unknown = unknown_symbols_note(
        s for prompt in training.prompts for s in vocabulary.unknown_symbols(prompt)
    )
    size = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    layers = f"{network.layers} layer" + ("s" if network.layers > 1 else "")
    parameters = sum(count for _, count in plan.layers)
    return [
        ("learn from", _format_dataset(len(corpus.training), corpus.training.total_characters)),
        ("measure on", _format_dataset(len(corpus.validation), corpus.validation.total_characters)),
        ("symbols", f"{len(vocabulary):,}, level {vocabulary.level}{_format_rare_symbols(corpus)}"),
        (
            "network",
            f"{network.cell.upper()}, {layers} of {network.hidden}, {size}: "
            f"{parameters:,} parameters",
        ),
        (
            "training",
            f"{training.budget}, minibatches of {training.batch_size}, {training.optimizer}, "
            f"{plan.device}, {plan.precision}, seed {training.seed}{_format_processes(plan)}",
        ),
        *(("note", note) for note in (*plan.notes, *corpus.notes, *unknown)),
    ]


def _format_processes(plan: Plan) -> str:
    return f", {plan.processes} processes as one" if plan.processes > 1 else ""


def _format_rare_symbols(corpus: Corpus) -> str:
    """Return how many symbols of the training part are too rare to have an id of their own."""
    count = corpus.vocabulary.counts[1]
    if count <= 1:
        return "; 1 symbol of the text is rarer and becomes <unk>" if count else ""
    percent = 100 * count / corpus.training.total_symbols
    fraction = f" ({percent:.2g} %)" if percent >= 0.1 else ""
    return f"; {count:,} symbols of the text{fraction} are rarer and become <unk>"


def _format_dataset(documents: int, characters: int) -> str:
    texts = "1 text" if documents == 1 else f"{documents:,} texts"
    return f"{texts}, {characters:,} characters"


def uniform_bits_per_character(plan: Plan) -> float:
    """Return the bits per character of choosing blindly, on the validation part."""
    part = plan.corpus.validation
    nats = part.total_symbols * math.log(len(plan.corpus.vocabulary))
    return units.bits_per_character(nats, part.total_characters)
