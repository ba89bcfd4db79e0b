"""The model card: README.md of a model folder, generated from its record."""

from collections.abc import Mapping
from typing import Any, Final

from charloom.model_folder.format import DOCUMENTS, ModelRecord

SYMBOL_NAMES: Final = {
    "char": "character",
    "byte": "byte",
    "grapheme": "grapheme cluster",
    "word": "word",
    "closed-word": "word",
}
"""Names of the symbols of each level, for people."""


def model_card(record: ModelRecord) -> str:
    """Return the card of ``record``: Markdown with a YAML header for model hubs."""
    network, vocabulary = record.network, record.vocabulary
    parameters = sum(tensor.size for tensor in record.tensors.values())
    layers = f"{network.layers} layer{'s' if network.layers > 1 else ''}"
    source = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    lines = [
        "---",
        "library_name: charloom",
        "pipeline_tag: text-generation",
        f"tags: [charloom, {SYMBOL_NAMES[vocabulary.level].split()[0]}-lm, {network.cell}]",
        "---",
        "",
        "# A small generative recurrent network",
        "",
        f"Writes text one {SYMBOL_NAMES[vocabulary.level]} at a time: {network.cell.upper()}, "
        f"{layers} of {network.hidden} units, {source}, {len(vocabulary):,} symbols, "
        f"{parameters:,} parameters.",
        "",
        *_validation_lines(record),
        *_provenance_lines(record),
        "## Use",
        "",
        "```console",
        "$ charloom generate . -n 5",
        "$ charloom summary .",
        "```",
        "",
        "## Limits",
        "",
        "The model imitates its training texts, can repeat parts of them word for word, and has no "
        "notion of truth. `vocabulary.json` discloses the symbols of those texts, and "
        "`samples.jsonl` contains texts generated during training." + _index_note(record),
        "",
    ]
    return "\n".join(lines)


def _validation_lines(record: ModelRecord) -> list[str]:
    bits = record.metrics.get("bits_per_character")
    if bits is None or not {"validation_documents", "step", "seconds"} <= record.metrics.keys():
        return []
    return [
        f"Validation: **{bits:.3f} bits per character** on "
        f"{record.metrics['validation_documents']:,} documents that are not in the training set, "
        f"after {record.metrics['step']:,} steps and {record.metrics['seconds']:.0f} seconds.",
        "",
    ]


def _provenance_lines(record: ModelRecord) -> list[str]:
    if not record.provenance:
        return []
    text = {name: value for name, value in record.text.to_json().items() if value is not None}
    weights = record.training.source_weights
    chosen = {"source_weights": [f"{weight:g}" for weight in weights]} if weights else {}
    origin = {name: value for name, value in record.provenance.items() if name != "lineage"}
    rows = [
        f"- {name.replace('_', ' ')}: {_format_value(value)}"
        for name, value in {**origin, **chosen, **text}.items()
    ]
    return ["## Provenance", "", *_lineage_rows(record.provenance.get("lineage")), *rows, ""]


def _lineage_rows(lineage: Mapping[str, Any] | None) -> list[str]:
    """Return a row for each model that the weights come from, the latest first."""
    rows = []
    while lineage is not None:
        bits = lineage["metrics"].get("bits_per_character")
        measured = "" if bits is None else f", {bits:.3f} bits per character on its own texts"
        documents = lineage["training_documents"]
        size = "" if documents is None else f" of {documents:,} documents"
        name = lineage["model"] or "a model in memory"
        rows.append(f"- started from: {name}{size}{measured}")
        lineage = lineage["lineage"]
    return rows


def _index_note(record: ModelRecord) -> str:
    if record.document_index is None:
        return ""
    return (
        f" `{DOCUMENTS}` contains hashes of the training texts: no text can be recovered from it, "
        "but anyone who has a text can check whether the model was trained on it."
    )


def _format_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
