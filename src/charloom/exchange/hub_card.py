"""The card of a model on a hub: Markdown with a YAML head."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from charloom.formatting import format_count, format_percent
from charloom.model_folder.card import SYMBOL_NAMES
from charloom.model_folder.format import ModelRecord

_UNDETERMINED: Final = "und"
"""The code of ISO 639 for a language that is not known."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Facts for a card that are not in the record of the model."""

    name: str
    """The name of the model."""
    source: str
    """The model as a command of charloom names it: a folder, or a place on a hub."""
    memorisation: Mapping[str, Any] | None
    """Figures of ``Memorisation.to_json``; None if they were not measured."""
    discloses: Sequence[str]
    """The parts of the model that a reader of the folder gets."""
    tokenizer_difference: str | None


def hub_card(record: ModelRecord, facts: CardFacts) -> str:
    """Return the card of a published record."""
    lines = [
        *_head(record, facts.name),
        "",
        f"# {_plain(facts.name)}",
        "",
        _summary(record),
        "",
        *_use(record, facts),
        *_figures(record),
        *_memorisation(facts.memorisation),
        *_training(record),
        "## Intended use",
        "",
        "Texts of the kind that the model was trained on: samples, names, test data, play, and "
        "scores that show how unusual a text of that kind is. It follows no instructions and "
        "answers no questions.",
        "",
        "## Limits",
        "",
        "The model imitates its training texts, with their errors and prejudices. It can repeat "
        "parts of them word for word, and has no notion of truth.",
        "",
        "## Disclosure",
        "",
        "A reader of these files gets:",
        "",
        *(f"- {part}" for part in facts.discloses),
        "",
        "The training texts, samples of the run, hashes of texts and checkpoints are not among "
        "them, nor are names of files.",
        "",
    ]
    return "\n".join(lines)


def _head(record: ModelRecord, name: str) -> list[str]:
    level, provenance = record.vocabulary.level, record.provenance
    tags = ["charloom", f"{SYMBOL_NAMES[level].split()[0]}-lm", record.network.cell, "rnn"]
    license = provenance.get("license")
    lines = [
        "---",
        *([] if license is None else [f"license: {yaml_text(license)}"]),
        f"language: {yaml_text(provenance.get('language') or _UNDETERMINED)}",
        "library_name: charloom",
        "pipeline_tag: text-generation",
        f"tags: [{', '.join(dict.fromkeys(tags))}]",
    ]
    bits = _finite(record.metrics.get("bits_per_character"))
    if bits is not None:
        lines += [
            "metrics: [bits_per_character]",
            "model-index:",
            f"- name: {yaml_text(name)}",
            "  results:",
            "  - task: {type: text-generation}",
            "    dataset: {type: private, name: held-out texts of the training sources}",
            "    metrics:",
            f"    - {{type: bits_per_character, name: bits per character, value: {bits:.4f}}}",
        ]
    return [*lines, "---"]


def yaml_text(text: str) -> str:
    r"""Return a text as a double-quoted string of YAML.

    >>> print(yaml_text('a "b"\u2028'))
    "a \"b\"\U00002028"
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted)


def _plain(text: str) -> str:
    """Return a text on one line, its signs of Markdown and HTML escaped."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|!" else c for c in line)


def _summary(record: ModelRecord) -> str:
    network, vocabulary = record.network, record.vocabulary
    source = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    parameters = sum(tensor.size for tensor in record.tensors.values())
    return (
        f"A small recurrent network that writes text one {SYMBOL_NAMES[vocabulary.level]} at a "
        f"time: {network.cell.upper()}, {format_count(network.layers, 'layer')} of "
        f"{network.hidden} units, {source}, {len(vocabulary):,} symbols, {parameters:,} parameters."
    )


def _use(record: ModelRecord, facts: CardFacts) -> list[str]:
    labels = " --label LABEL" if record.labels else ""
    extra = " with `pip install 'charloom[hub]'`" if facts.source.startswith("hf://") else ""
    tokenizer = [
        "`tokenizer.json` is for the package `tokenizers`; it does not clean texts, as charloom "
        "does."
    ]
    if facts.tokenizer_difference is not None:
        tokenizer.append(f"It is not exact: {facts.tokenizer_difference}.")
    return [
        "## Use",
        "",
        f"The folder is a model of charloom{extra}:",
        "",
        "```console",
        f"$ charloom generate {facts.source}{labels} -n 5",
        f"$ charloom summary {facts.source}",
        f"$ charloom export {facts.source} --to torch",
        "```",
        "",
        "The last command writes the weights as a PyTorch module. "
        "A text begins and ends with `<eos>`, id 0; `<unk>`, id 1, is never generated.",
        "",
        " ".join(tokenizer),
        "",
    ]


def _figures(record: ModelRecord) -> list[str]:
    names = {
        "bits_per_character": "bits per character, held-out texts",
        "training_bits_per_character": "bits per character, training texts",
        "validation_documents": "held-out texts",
        "step": "training steps",
        "seconds": "seconds of training",
    }
    known = {name: _finite(record.metrics.get(name)) for name in names}
    rows = [
        f"| {names[name]} | {value:.3f} |"
        if "bits" in name
        else f"| {names[name]} | {value:,.0f} |"
        for name, value in known.items()
        if value is not None
    ]
    return ["## Figures", "", "| | |", "|---|---|", *rows, ""] if rows else []


def _memorisation(figures: Mapping[str, Any] | None) -> list[str]:
    if figures is None:
        return [
            "## Memorisation",
            "",
            "Not measured. `charloom report` measures it where the training texts are.",
            "",
        ]
    samples, held_out = figures["samples"], figures["held_out"]
    rows = [
        _row("texts", *(f"{overlap['texts']:,}" for overlap in (samples, held_out))),
        _row(
            "equal to a training text",
            *(format_percent(overlap["whole"], 1) for overlap in (samples, held_out)),
        ),
        _row(
            "longest copied span, characters",
            *(f"{overlap['longest_quantiles']['1.0']:,}" for overlap in (samples, held_out)),
        ),
        _row(
            "in copied spans of 50 or more",
            *(format_percent(overlap["covered"]["50"], 1) for overlap in (samples, held_out)),
        ),
    ]
    return [
        "## Memorisation",
        "",
        "Texts of the model, and held-out texts, that share spans with the training texts:",
        "",
        "| | model | held out |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _training(record: ModelRecord) -> list[str]:
    provenance = record.provenance
    documents, characters = (
        provenance.get("training_documents"),
        provenance.get("training_characters"),
    )
    size = "The training texts are not named."
    if isinstance(documents, int) and isinstance(characters, int):
        size = (
            f"Trained on {format_count(documents, 'text')} of {characters:,} characters; they are "
            "not named."
        )
    started = " The weights started from those of another model." if "lineage" in provenance else ""
    language = provenance.get("language") or "unknown"
    license = provenance.get("license") or "not stated"
    return [
        "## Training",
        "",
        f"{size}{started} Language: {language}. License: {license}.",
        "",
    ]


def _finite(value: object) -> float | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
