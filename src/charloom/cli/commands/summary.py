"""``charloom summary``: show layers and results of a model, or its settings."""

import os
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.shared import Json, Run, option
from charloom.cli.terminal import output
from charloom.errors import SettingsError
from charloom.formatting import format_value, quote

if TYPE_CHECKING:
    from charloom.model_folder.format import ModelRecord


AsSettings = Annotated[
    bool,
    option(
        "--settings",
        help="Write the settings of the run as a settings file (TOML), for train --settings.",
    ),
]


def summary(run: Run, settings: AsSettings = False, json: Json = False) -> None:
    """Show layers and results of a model.

    With --settings, writes the settings with which charloom train makes the same network from the
    same texts.
    """
    if settings and json:
        raise SettingsError("--settings and --json contradict each other; give one of them.")
    from charloom.model_folder.format import read
    from charloom.model_folder.hub import local_folder, run_name

    record = read(local_folder(run))
    if settings:
        _write_settings(run_name(run).replace(os.sep, "/"), record)
        return
    layers = list_layers(record)
    total = sum(layer["parameters"] for layer in layers)
    if json:
        output.write_json(_to_json(record) | {"layers": layers, "parameters": total})
        return
    rows = [
        (_layer_title(layer), _output_shape(layer), f"{layer['parameters']:,}") for layer in layers
    ]
    output.write_result(
        f"{record.network.cell.upper()} on {record.vocabulary.level} level: {run_name(run)}\n"
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
    """Return name, kind, output size per time step, and parameter count of each layer.

    Parameters are counted as in a Keras summary: one bias vector for the gates of an LSTM.
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


def _write_settings(run: str, record: "ModelRecord") -> None:
    """Write the settings that training accepts as options for these texts."""
    from charloom.runs.resolve import OPTIMIZERS_WITH_DECAY
    from charloom.settings.toml_file import to_toml

    text, training = record.text.to_json(), record.training.to_json()
    if record.training.optimizer not in OPTIMIZERS_WITH_DECAY:
        del training["weight_decay"]
    if record.text.unit == "stream":
        del training["index"]
    if record.provenance.get("validation") is not None:
        del text["valid_fraction"]
    tables = {"text": text, "network": record.network.to_json(), "training": training}
    output.write_result(f"# Settings of {run!r}, for: charloom train --settings")
    output.write_result(to_toml(tables))


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
    """Return the rows below the layers: text, vocabulary, labels, then the metrics."""
    text = record.text
    columns = ", ".join(map(quote, text.columns))
    if columns:
        columns = f"; column{'s' if len(text.columns) > 1 else ''} {columns}"
    cleaned = "cleaned" if text.clean else "not cleaned"
    pattern = "" if text.token_pattern is None else f" and matches of {quote(text.token_pattern)}"
    rare = "spelled in characters" if record.vocabulary.spells else "<unk>"
    rows: list[tuple[str, Any]] = [
        ("text", f"{text.document_unit}s as {text.level} symbols{pattern}, {cleaned}{columns}"),
        (
            "vocabulary",
            f"{len(record.vocabulary):,} symbols, with <eos> and <unk>; "
            f"those seen less than {text.min_count} times are {rare}",
        ),
    ]
    if record.labels:
        rows.append(("labels", ", ".join(record.labels)))
    return rows + list(record.metrics.items())
