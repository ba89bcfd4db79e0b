"""The surprisal of each symbol of a text."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from charloom.evaluation.model_parts import ModelParts
from charloom.evaluation.score_lines import symbol_bits
from charloom.evaluation.symbol_scorer import StreamState
from charloom.network.reference import State
from charloom.records import Record
from charloom.settings import Label
from charloom.text.documents import Document, to_blocks
from charloom.text.vocabulary import EOS

MAX_SHOWN: Final = 2000
"""Symbols that a notebook shows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSurprisals(Record):
    """The bits of each symbol of a text, given all symbols before it.

    A notebook shows the text with a shade for each symbol.
    """

    text: str
    """The cleaned text."""
    label: Label
    """The label under which it was scored."""
    symbols: tuple[str, ...]
    """Its symbols as they are spelled, and the boundary that ends it, ``<eos>``."""
    bits: tuple[float, ...]
    """The surprisal of each symbol, -log2 of its probability."""
    characters: int
    """Code points of the text, plus one for the boundary."""

    @property
    def total(self) -> float:
        """Bits of the whole text, which ``score`` returns divided by ``characters``."""
        return math.fsum(self.bits)

    @property
    def bits_per_character(self) -> float:
        """``total`` divided by ``characters``."""
        return self.total / self.characters

    def _repr_html_(self) -> str:
        # Imported here, since it imports jinja2, which takes time.
        from charloom.report.page import render_heat
        from charloom.report.surprise import Surprise

        shown = tuple(zip(self.symbols, self.bits, strict=True))[:MAX_SHOWN]
        return render_heat(
            Surprise(
                bits_per_character=self.bits_per_character,
                symbols=shown,
                given=True,
                begins=True,
                ends=len(shown) == len(self.symbols),
            )
        )


def measure_surprisals(model: ModelParts, text: str, label: Label = None) -> TextSurprisals:
    """Return the surprisals of a cleaned text, with a label or a mixture of labels.

    Raises LabelError for a label that the model does not have.
    """
    is_mixture = isinstance(label, Mapping)
    start = _stream_state(model.generator.start_state(label)) if is_mixture else None
    document = Document(text=text, label=None if isinstance(label, Mapping) else label)
    [scored] = model.scorer.score_blocks(to_blocks([document]), start)
    [pairs] = symbol_bits(scored, model.scorer)
    symbols, bits = zip(*pairs, strict=True)
    return TextSurprisals(
        text=scored.block.text,
        label=label,
        symbols=symbols,
        bits=bits,
        characters=int(scored.characters_D[0]),
    )


def _stream_state(start: State) -> StreamState:
    """Return a state before the boundary, as the scorer takes it."""
    cell_LBH = np.zeros_like(start.hidden) if start.cell is None else start.cell
    return StreamState(
        last_id=EOS,
        states_2LH=np.stack([start.hidden[:, 0], cell_LBH[:, 0]]).astype(np.float32),
        others=tuple(map(_stream_state, start.others)),
    )
