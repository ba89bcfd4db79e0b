"""A model record with the generator and the scorer that are built from it."""

from functools import cached_property
from pathlib import Path
from typing import Any, Self

from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.generator import Generator
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import ModelRecord
from charloom.network.engine import Engine


class ModelParts:
    """A model record, and the parts built from it: the base of ``charloom.Model``."""

    def __init__(self, record: ModelRecord, folder: Path | None = None) -> None:
        self.record = record
        """The content of the model folder: settings, vocabulary, weights, metrics, provenance."""
        self.folder = folder
        """The model folder; None for a model that is in memory only."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a model folder; raises ModelFolderError if it is missing or damaged."""
        return cls(model_folder.read(Path(path)), Path(path))

    def __getstate__(self) -> dict[str, Any]:
        """Return record and folder: a pickle, or a copy, is small and made at any time."""
        return {"record": self.record, "folder": self.folder}

    @cached_property
    def generator(self) -> Generator:
        """The generator behind ``generate``.

        Its results have seeds, bits and stop reasons too.
        """
        engine = Engine(self.record.network, self.record.tensors)
        return Generator(
            engine, self.record.vocabulary, self.record.labels, endless=self.record.is_one_stream
        )

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer behind ``score``, which also counts symbols and unknown symbols."""
        scorer = SymbolScorer(self.record.network, self.record.tensors)
        return Scorer(scorer, self.record.vocabulary, self.record.labels)
