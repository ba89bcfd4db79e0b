"""The card of a model: its network, figures, curves and samples."""

from charloom.displays.loss_curve import loss_curve
from charloom.displays.panel import Panel
from charloom.events import Sample
from charloom.formatting import BASELINE_NAMES, format_count, format_duration
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.history import History


def model_card(record: ModelRecord, history: History, samples: tuple[Sample, ...]) -> Panel:
    """Return the card of a model; the recorded history may be empty."""
    network = record.network
    curves = history.curves
    return Panel(
        title="charloom.Model",
        subtitle=f"{network.cell.upper()}, {format_count(network.layers, 'layer')} of "
        f"{network.hidden}",
        facts=(*_network_facts(record), *_figures(record, history)),
        curve=loss_curve(curves.training, curves.validation) if curves.validation else "",
        samples=samples,
    )


def _network_facts(record: ModelRecord) -> list[tuple[str, str]]:
    vocabulary = record.vocabulary
    parameters = sum(tensor.size for tensor in record.tensors.values())
    labels = [("labels", f"{len(record.labels):,}")] if record.labels else []
    return [
        ("symbols", f"{len(vocabulary):,}, level {vocabulary.level}"),
        *labels,
        ("parameters", f"{parameters:,}"),
    ]


def _figures(record: ModelRecord, history: History) -> list[tuple[str, str]]:
    metrics = record.metrics
    facts = []
    if "seconds" in metrics:
        epochs = f", {format_count(metrics['epoch'], 'epoch')}" if "epoch" in metrics else ""
        facts.append(("trained", f"{format_duration(metrics['seconds'])}{epochs}"))
    if "bits_per_character" in metrics:
        facts.append(("held-out texts", f"{metrics['bits_per_character']:.3f} bits per character"))
    facts += [
        (BASELINE_NAMES[name], f"{history.baselines[name]:.3f} bits per character")
        for name in BASELINE_NAMES
        if name in history.baselines
    ]
    return facts
