"""A network of another program, and the model of it once its ids have symbols.

The file of the other program numbers its symbols in its own way. A model of charloom has the
boundary of texts at id 0 and unknown symbols at id 1. The boundary is read before a text and
predicted after it, and the other program may use two ids, or none, for that. So its row of the
input and its row of the output may come from different ids.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.exchange.symbols_file import Symbols
from charloom.formatting import format_count
from charloom.model_folder.format import ModelRecord
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

Floats = NDArray[np.float32]

_LACKING_BIAS: Final = -30.0
"""Logit of a boundary, or of unknown symbols, that the other program does not predict. In single
precision it takes nothing from the other symbols; in a score it counts about 50 bits."""
_NEVER_BIAS: Final = -1000.0
"""Logit of spellings that are read and never written, at any temperature."""
_INPUTS: Final = ("embedding.weight", "cells.0.input_table")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedNetwork:
    """The network of a file, its symbols still numbered as in that file."""

    network: NetworkSettings
    tensors: Mapping[str, Floats]
    """Named as in the model folder; rows of symbols are in the order of the file's ids."""
    program: str
    """The program that wrote the file, and its version if known."""
    masks_padding: bool = False
    """Whether the network skips id 0, so that its row of the input was never trained."""
    own: "OwnSymbols | None" = None
    """The vocabulary in a file that charloom exported."""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.tensors["output.bias"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnSymbols:
    """The vocabulary of a model of charloom, and how it reads texts."""

    vocabulary: Vocabulary
    text: TextSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """A model that was imported, and sentences about it for the user."""

    record: ModelRecord
    notes: tuple[str, ...] = ()


def own_model(imported: ImportedNetwork, own: OwnSymbols, origin: Mapping[str, Any]) -> ModelRecord:
    """Return the model of a network whose ids are already those of a vocabulary."""
    return ModelRecord(
        text=own.text,
        network=imported.network,
        training=TrainingSettings(),
        vocabulary=own.vocabulary,
        labels=(),
        tensors=imported.tensors,
        provenance={**origin, "program": imported.program},
    )


def to_model(
    imported: ImportedNetwork, symbols: Symbols, origin: Mapping[str, Any]
) -> ImportedModel:
    """Return the model of a network whose ids get symbols.

    ``origin`` begins its provenance. The texts of a model without an end are endless.
    """
    start = _choose_start(imported, symbols)
    kept = [index for index, text in enumerate(symbols.texts) if text is not None]
    predicted = {symbols.end, symbols.unknown, *kept}
    left_out = [index for index in range(len(symbols.texts)) if index not in predicted]
    written = [str(symbols.texts[index]) for index in kept]
    read_only = (
        {text[1:]: k for k, text in zip(kept, written, strict=True)} if symbols.words else {}
    )
    for text in written:
        read_only.pop(text, None)
    tensors = _select_rows(
        imported.tensors,
        [start, symbols.unknown, *kept, *read_only.values()],
        [symbols.end, symbols.unknown, *kept, *([None] * len(read_only))],
        never=len(read_only),
    )
    counts = [symbols.counts.get(index, 0) for index in kept] + [0] * len(read_only)
    is_endless = symbols.end is None
    vocabulary = Vocabulary(
        level=symbols.level,
        token_pattern=symbols.token_pattern,
        symbols=("<eos>", "<unk>", *written, *read_only),
        # One document: the mark of a single stream, which has no end (ModelRecord.is_one_stream).
        counts=(1 if is_endless else 2, 0, *counts),
    )
    text_settings = TextSettings(
        level=symbols.level,
        token_pattern=symbols.token_pattern,
        unit="stream" if is_endless else "line",
        clean=False,
        min_count=1,
    )
    begins, ends = _describe_start(symbols, start), _describe_end(symbols)
    record = ModelRecord(
        text=text_settings,
        network=imported.network,
        training=TrainingSettings(),
        vocabulary=vocabulary,
        labels=(),
        tensors=tensors,
        provenance={
            **origin,
            "program": imported.program,
            "beginning_of_texts": begins,
            "end_of_texts": ends,
            "ids_left_out": left_out,
        },
    )
    notes = (*imported.notes, f"Texts begin after {begins}; {ends}.", *_notes(symbols, left_out))
    return ImportedModel(record=record, notes=notes)


def _notes(symbols: Symbols, left_out: Sequence[int]) -> list[str]:
    """Return sentences about texts and symbols that a user has to know."""
    notes = []
    if left_out:
        notes.append(
            f"{format_count(len(left_out), 'id')} without a symbol, first {left_out[0]}, cannot be "
            "predicted any more; the probabilities of the others keep their proportions."
        )
    if symbols.lowers:
        notes.append("The tokenizer made letters small: write prompts and texts in small letters.")
    if symbols.words:
        notes.append("Each word is written with a space before it.")
    return notes


def _choose_start(imported: ImportedNetwork, symbols: Symbols) -> int | None:
    """Return the id whose input is read before a text; None for an input of zeros."""
    if symbols.start is not None:
        return symbols.start
    if symbols.padding is not None:
        return None if imported.masks_padding else symbols.padding
    return symbols.end


def _describe_start(symbols: Symbols, start: int | None) -> str:
    return "an input of zeros" if start is None else symbols.describe(start)


def _describe_end(symbols: Symbols) -> str:
    if symbols.end is None:
        return "the model has no end of texts, so they get their full length"
    return f"they end with {symbols.describe(symbols.end)}"


def _select_rows(
    tensors: Mapping[str, Floats],
    inputs: Sequence[int | None],
    outputs: Sequence[int | None],
    *,
    never: int,
) -> dict[str, Floats]:
    """Return tensors with the rows of other ids, None for zeros.

    Outputs of zeros have the logit of symbols that are lacking, the last ``never`` of them that of
    symbols that are never written.
    """
    selected = dict(tensors)
    for name in _INPUTS:
        if name in tensors:
            selected[name] = _rows(tensors[name], inputs)
    selected["output.weight"] = _rows(tensors["output.weight"], outputs)
    bias = _rows(tensors["output.bias"], outputs)
    bias[[k for k, index in enumerate(outputs) if index is None]] = _LACKING_BIAS
    bias[len(outputs) - never :] = _NEVER_BIAS
    selected["output.bias"] = bias
    return selected


def _rows(tensor: Floats, indices: Sequence[int | None]) -> Floats:
    rows = np.zeros((len(indices), *tensor.shape[1:]), np.float32)
    present = [k for k, index in enumerate(indices) if index is not None]
    rows[present] = tensor[[index for index in indices if index is not None]]
    return rows
