"""A model record with the generator and the scorer that are built from it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from charloom.displays.run_history import RunHistory
from charloom.errors import ModelFolderError, SettingsError
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.generation.generator import Generator, label_id
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.history import History, read_history
from charloom.model_folder.hub import local_folder
from charloom.network.engine import Engine
from charloom.text.cleaning import clean_document, clean_prompt
from charloom.text.documents import Document

Text = str | tuple[str, str | None]
"""A text, or a text with its label."""


class ModelParts:
    """A model record, and the parts built from it: the base of ``charloom.Model``."""

    def __init__(self, record: ModelRecord, history: History | Path | None = None) -> None:
        self.record = record
        """The content of the model folder: settings, vocabulary, weights, metrics, provenance."""
        self._history = history
        """The history of the run, or the model folder that holds it."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a model folder, or a model on the hub, such as ``hf://user/name``.

        Raises ModelFolderError if it is missing or damaged, DownloadError if it cannot be
        downloaded.
        """
        folder = local_folder(path)
        return cls(model_folder.read(folder), folder.absolute())

    def __getstate__(self) -> dict[str, Any]:
        """Return record and history: a pickle, or a copy, is small and made at any time."""
        return {"record": self.record, "_history": self._history}

    @property
    def folder(self) -> Path | None:
        """The model folder; None for a model that is in memory only."""
        return self._history if isinstance(self._history, Path) else None

    @cached_property
    def history(self) -> RunHistory:
        """The curves and the samples of the run; empty if they were not recorded.

        A notebook shows the curves, and samples from the beginning of the run to its end. A model
        that was trained without a folder has samples of some validations only. Raises
        ModelFolderError if ``metrics.jsonl`` in the model folder is damaged.
        """
        recorded = self._history
        found = read_history(recorded) if isinstance(recorded, Path) else recorded or History()
        return RunHistory(found.events, found.baselines)

    @property
    def _known_history(self) -> RunHistory:
        """The history; an empty one if its file is damaged."""
        try:
            return self.history
        except ModelFolderError:
            return RunHistory()

    @cached_property
    def engine(self) -> Engine:
        """The network, which reads one symbol at a time."""
        return Engine(self.record.network, self.record.tensors)

    @cached_property
    def generator(self) -> Generator:
        """The generator behind ``generate``.

        Its results have seeds, bits and stop reasons too.
        """
        record = self.record
        return Generator(
            self.engine, record.vocabulary, record.labels, endless=record.is_one_stream
        )

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer behind ``score``, which also counts symbols and unknown symbols."""
        scorer = SymbolScorer(self.record.network, self.record.tensors)
        return Scorer(scorer, self.record.vocabulary, self.record.labels)

    def _clean_prompt(self, text: str) -> str:
        if not isinstance(text, str):
            raise SettingsError(f"prompt is {text!r:.80}; it must be a text.")
        return clean_prompt(text, self.record.text)

    def _clean_text(self, text: str) -> str:
        if not isinstance(text, str):
            raise SettingsError(f"text is {text!r:.80}; it must be a text.")
        return clean_document(text, self.record.text)

    def _labelled_documents(self, texts: Sequence[Text]) -> Iterator[Document]:
        if isinstance(texts, str):
            raise SettingsError("one string was given; give a list of texts, such as [text].")
        for text, label in map(split_label, texts):
            label_id(label, self.record.labels)
            yield Document(text=self._clean_text(text), label=label)

    def _clean_documents(self, texts: Sequence[str]) -> Iterator[Document]:
        if isinstance(texts, str):
            raise SettingsError("one string was given; give a list of texts, such as [text].")
        return (Document(text=self._clean_text(text)) for text in texts)

    def _clean_texts(self, texts: Sequence[str]) -> list[str]:
        return [document.text for document in self._clean_documents(texts)]


def split_label(item: Text) -> tuple[str, str | None]:
    """Return a text and its label, None if it has none."""
    return (item[0], item[1]) if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
