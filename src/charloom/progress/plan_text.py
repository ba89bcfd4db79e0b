"""What a training run is about to do, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from charloom import units
from charloom.formatting import unknown

if TYPE_CHECKING:
    from charloom.data.corpus import Corpus
    from charloom.runs.plan import Plan


def describe(plan: Plan) -> list[tuple[str, str]]:
    """Return what a run is about to do, as names and sentences."""
    corpus, network, training = plan.corpus, plan.network, plan.training
    vocabulary = corpus.vocabulary
    strange = unknown(s for prompt in training.prompts for s in vocabulary.unknown(prompt))
    size = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    layers = f"{network.layers} layer" + ("s" if network.layers > 1 else "")
    parameters = sum(count for _, count in plan.layers)
    return [
        ("learn from", _part(len(corpus.training), corpus.training.total_characters)),
        ("measure on", _part(len(corpus.validation), corpus.validation.total_characters)),
        ("symbols", f"{len(vocabulary):,}, level {vocabulary.level}{_rare(corpus)}"),
        (
            "network",
            f"{network.cell.upper()}, {layers} of {network.hidden}, {size}: "
            f"{parameters:,} parameters",
        ),
        (
            "training",
            f"{training.budget}, minibatches of {training.batch_size}, {training.optimizer}, "
            f"{plan.device}, {plan.precision}, seed {training.seed}{_processes(plan)}",
        ),
        *(("note", note) for note in (*plan.notes, *corpus.notes, *strange)),
    ]


def _processes(plan: Plan) -> str:
    return f", {plan.processes} processes as one" if plan.processes > 1 else ""


def _rare(corpus: Corpus) -> str:
    """Return how many symbols of the training part are too rare to have an id of their own."""
    count = corpus.vocabulary.counts[1]
    if count <= 1:
        return "; 1 symbol of the text is rarer and becomes <unk>" if count else ""
    percent = 100 * count / corpus.training.total_symbols
    share = f" ({percent:.2g} %)" if percent >= 0.1 else ""
    return f"; {count:,} symbols of the text{share} are rarer and become <unk>"


def _part(documents: int, characters: int) -> str:
    texts = "1 text" if documents == 1 else f"{documents:,} texts"
    return f"{texts}, {characters:,} characters"


def chance(plan: Plan) -> float:
    """Return the bits per character of choosing blindly, on the validation part."""
    part = plan.corpus.validation
    blind = part.total_symbols * math.log(len(plan.corpus.vocabulary))
    return units.bits_per_character(blind, part.total_characters)
