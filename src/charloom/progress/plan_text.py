"""A training run in words: its data, network and settings, and its outcome."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from charloom import units
from charloom.formatting import format_count, unknown_symbols_note

if TYPE_CHECKING:
    from charloom.data.corpus import Corpus
    from charloom.events import Stopped
    from charloom.runs.plan import Plan
    from charloom.settings import TrainingSettings


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """Return what a run will do, as pairs of a heading and a text."""
    corpus, network, training = plan.corpus, plan.network, plan.training
    vocabulary = corpus.vocabulary
    symbols = (
        symbol for prompt in training.prompts for symbol in vocabulary.unknown_symbols(prompt)
    )
    layers = format_count(network.layers, "layer")
    source = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    parameters = sum(count for _, count in plan.layers)
    pattern = "" if vocabulary.token_pattern is None else " with a token pattern"
    splitting = f"level {vocabulary.level}{pattern}"
    return [
        ("training", _format_dataset(len(corpus.training), corpus.training.total_characters)),
        *_format_weights(plan),
        ("validation", _format_dataset(len(corpus.validation), corpus.validation.total_characters)),
        ("symbols", f"{len(vocabulary):,}, {splitting}{_format_rare_symbols(corpus)}"),
        (
            "network",
            f"{network.cell.upper()}, {layers} of {network.hidden}, {source}: "
            f"{parameters:,} parameters{_format_frozen(training)}",
        ),
        (
            "settings",
            f"{training.budget}, minibatches of {training.batch_size}, {training.optimizer}, "
            f"{plan.device}, {plan.precision}, seed {training.seed}{_format_processes(plan)}",
        ),
        *(("note", note) for note in (*plan.notes, *corpus.notes, *unknown_symbols_note(symbols))),
    ]


def _format_dataset(documents: int, characters: int) -> str:
    return f"{format_count(documents, 'text')}, {characters:,} characters"


def _format_frozen(training: TrainingSettings) -> str:
    if training.freeze == "none":
        return ""
    if isinstance(training.freeze, str):
        return f", {training.freeze} frozen"
    return f", input and {format_count(training.freeze, 'lower layer')} frozen"


def _format_weights(plan: Plan) -> list[tuple[str, str]]:
    """Return a row with the weight and the size of each source, if there are weights."""
    weights, counts = plan.training.source_weights, plan.corpus.source_documents
    rows = [
        f"{source} x {weight:g} ({format_count(count, 'text')})"
        for source, weight, count in zip(plan.sources, weights, counts, strict=False)
    ]
    return [("weights", ", ".join(rows))] if rows else []


def _format_rare_symbols(corpus: Corpus) -> str:
    count = corpus.vocabulary.counts[1]
    if count <= 1:
        return "; 1 symbol of the text is rare and becomes <unk>" if count else ""
    percent = 100 * count / corpus.training.total_symbols
    fraction = f" ({percent:.2g} %)" if percent >= 0.1 else ""
    return f"; {count:,} symbols of the text{fraction} are rare and become <unk>"


def _format_processes(plan: Plan) -> str:
    return f", data parallel over {plan.processes} processes" if plan.processes > 1 else ""


def describe_outcome(plan: Plan, event: Stopped, *, library: bool = False) -> list[Text]:
    """Return the last lines of a run: where its weights are, and the next commands.

    With ``library`` they are calls instead of commands. The list is empty for a run that saves no
    model, unless it was interrupted.
    """
    interrupted = event.reason == "interrupted"
    bits = event.bits_per_character
    weights = (
        "the last weights, not validated"
        if bits is None
        else f"the best weights, {bits:.3f} bits per character"
    )
    outcome = ("Interrupted: " if interrupted else "Done: ", "bold")
    if plan.output is None:
        note = f"{weights}, are returned. A run with output= can be resumed."
        return [Text.assemble(outcome, note)] if interrupted else []
    output = str(plan.output)
    next_step, resume = (_calls if library else _commands)(plan, output)
    lines = [
        Text.assemble(outcome, f"{weights}, are in ", (output, "bold")),
        Text.assemble("Try: ", (next_step, "bold")),
    ]
    if interrupted:
        lines.append(Text.assemble("Resume: ", (resume, "bold")))
    return lines


def _commands(plan: Plan, output: str) -> tuple[str, str]:
    """Return the commands that generate and that resume."""
    prompts = list(filter(None, plan.training.prompts))[:1]
    labels = plan.corpus.labels[:1]
    generate = ["charloom", "generate", output, *prompts, "-n", "5"]
    generate += ["--label", *labels] if labels else []
    resume = ["charloom", "train", *plan.sources, "-o", output, "--resume"]
    return shlex.join(generate), shlex.join(resume)


def _calls(plan: Plan, output: str) -> tuple[str, str]:
    """Return the calls that generate and that resume."""
    arguments = [repr(prompt) for prompt in plan.training.prompts if prompt][:1]
    arguments += ["n=5", *(f"label={label!r}" for label in plan.corpus.labels[:1])]
    generate = f"charloom.load({output!r}).generate({', '.join(arguments)})"
    return generate, f"the same call of charloom.train with output={output!r}, resume=True"


def uniform_bits_per_character(plan: Plan) -> float:
    """Return the validation loss of a model to which all symbols are equally likely."""
    validation = plan.corpus.validation
    nats = validation.total_symbols * math.log(len(plan.corpus.vocabulary))
    return units.bits_per_character(nats, validation.total_characters)
