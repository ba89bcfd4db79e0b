"""``charloom summary``: what a model is made of, and what it reached."""

from typing import TYPE_CHECKING, Any

from charloom.cli.options.shared import Json, Run
from charloom.cli.terminal import output
from charloom.formatting import format_value, quote

if TYPE_CHECKING:
    from charloom.model_folder.format import ModelRecord


def summary(run: Run, json: Json = False) -> None:
    """Show the layers of a model and what it reached."""
    from charloom.model_folder.format import read

    record = read(run)
    layers = list_layers(record)
    total = sum(layer["parameters"] for layer in layers)
    if json:
        output.write_json(_to_json(record) | {"layers": layers, "parameters": total})
        return
    rows = [
        (_layer_title(layer), _output_shape(layer), f"{layer['parameters']:,}") for layer in layers
    ]
    output.write_result(
        f"{record.network.cell.upper()} on {record.vocabulary.level} level: {run}\n"
    )
    output.write_table(
        [("layer", "output shape", "parameters"), *rows, ("total", "", f"{total:,}")], right=(2,)
    )
    output.write_result("")
    output.write_table(
        (name.replace("_", " "), format_value(value, floats=",.3f"))
        for name, value in _description_rows(record)
    )


def list_layers(record: "ModelRecord") -> list[dict[str, Any]]:
    """Return name, kind, size of the output at each step, and parameters of each layer.

    Parameters are counted as in Keras' summary: one bias vector for the gates of an LSTM.
    """
    network, size = record.network, len(record.vocabulary)
    embedded = network.input != "one-hot"
    kinds = [
        ("embedding", "embedding", network.input) if embedded else ("input", "one-hot", size),
        *((f"cells.{k}", network.cell, network.hidden) for k in range(network.layers)),
        ("output", "dense", size),
    ]
    if record.labels:
        kinds.insert(0, ("labels", "initial state", network.hidden))
    return [
        {
            "name": name,
            "kind": kind,
            "output_size": width,
            "parameters": sum(
                tensor.size for key, tensor in record.tensors.items() if key.startswith(f"{name}.")
            ),
        }
        for name, kind, width in kinds
    ]


def _layer_title(layer: dict[str, Any]) -> str:
    name, kind = layer["name"], layer["kind"]
    return str(name) if name == kind else f"{name} ({kind})"


def _output_shape(layer: dict[str, Any]) -> str:
    axes = "labels, layers" if layer["name"] == "labels" else "batch, time"
    return f"({axes}, {layer['output_size']})"


def _to_json(record: "ModelRecord") -> dict[str, Any]:
    return {
        "text": record.text.to_json(),
        "network": record.network.to_json(),
        "training": record.training.to_json(),
        "level": record.vocabulary.level,
        "vocabulary_size": len(record.vocabulary),
        "labels": list(record.labels),
        "figures": dict(record.metrics),
        "provenance": dict(record.provenance),
    }


def _description_rows(record: "ModelRecord") -> list[tuple[str, Any]]:
    """Return what is said below the table: text, vocabulary, labels, then the figures."""
    text = record.text
    columns = ", ".join(map(quote, text.columns))
    if columns:
        columns = f"; column{'s' if len(text.columns) > 1 else ''} {columns}"
    cleaned = "cleaned" if text.clean else "not cleaned"
    facts: list[tuple[str, Any]] = [
        ("text", f"{text.unit}s as {text.level} symbols, {cleaned}{columns}"),
        (
            "vocabulary",
            f"{len(record.vocabulary):,} symbols, with <eos> and <unk>; "
            f"those seen less than {text.min_count} times are <unk>",
        ),
    ]
    if record.labels:
        facts.append(("labels", ", ".join(record.labels)))
    return facts + list(record.metrics.items())
