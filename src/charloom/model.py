"""A trained model in memory: it generates and scores texts, without torch."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self, Unpack

from charloom.errors import SettingsError
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.score_lines import score_lines
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.formatting import format_count
from charloom.generation.generator import Generator, label_id
from charloom.generation.text_filter import make_text_filter
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.writer import create_model_folder
from charloom.network.engine import Engine
from charloom.settings import SamplingOptions, SamplingSettings
from charloom.text.cleaning import clean_document, clean_prompt
from charloom.text.documents import Document, to_blocks


class Model:
    """A trained model. Prompts and texts are cleaned like the training texts."""

    def __init__(self, record: ModelRecord) -> None:
        self.record = record
        """The content of the model folder: settings, vocabulary, weights, metrics, provenance."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a model folder; raises ModelFolderError if it is missing or damaged."""
        return cls(model_folder.read(Path(path)))

    def __repr__(self) -> str:
        network, vocabulary = self.record.network, self.record.vocabulary
        parts = [
            f"{network.cell.upper()}, {format_count(network.layers, 'layer')} of {network.hidden}",
            f"level {vocabulary.level}",
            f"{len(vocabulary):,} symbols",
        ]
        if "bits_per_character" in self.record.metrics:
            parts.append(f"{self.record.metrics['bits_per_character']:.3f} bits per character")
        return f"<charloom.Model: {', '.join(parts)}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return the record alone: a pickle, or a copy, is small and made at any time."""
        return {"record": self.record}

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a model folder; ``force`` replaces an existing one.

        Raises OutputError if the folder exists already or cannot be written.
        """
        create_model_folder(Path(path), self.record, force=force)

    def generate(
        self, prompt: str | Sequence[str] = "", *, n: int = 1, **options: Unpack[SamplingOptions]
    ) -> list[str]:
        """Return ``n`` texts that begin with ``prompt``, or ``n`` of each of several.

        Text ``k``, from 0, has the seed ``seed + k``. ``options`` are the fields of
        SamplingSettings: ``temperature`` (0.8; 0 is greedy), ``seed`` (0), ``length`` (500 symbols
        at most), ``stop``, ``label``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``,
        ``bias``, ``min_length``, ``match``, ``forbid``, ``novel``, ``unique``, ``beam`` and others.

        Raises SettingsError for an invalid option, LabelError for a label that the model does not
        have, SamplingError if too few texts are novel or unique.
        """
        settings = sampling_settings(options)
        text_filter = make_text_filter(settings, self.record)
        is_one = isinstance(prompt, str) or not isinstance(prompt, Iterable)
        prompts: Iterable[Any] = [prompt] if is_one else prompt
        return [
            generated.text
            for cleaned in map(self._clean_prompt, prompts)
            for generated in self.generator.texts(cleaned, settings, n, text_filter)
        ]

    def stream(self, prompt: str = "", **options: Unpack[SamplingOptions]) -> Iterator[str]:
        """Yield the text of ``generate`` piece by piece, without its prompt.

        Several threads may stream at once, and a stream may be abandoned at any symbol. ``novel``,
        ``novel_file``, ``unique`` and ``beam`` need whole texts: they raise SettingsError.
        """
        return self.generator.stream(self._clean_prompt(prompt), sampling_settings(options))

    def score(self, texts: Sequence[str]) -> list[float]:
        """Return the bits per character of each text.

        The boundary that ends a text counts as one character.
        """
        scores = self.scorer.score(self._clean_documents(texts))
        return [score.bits_per_character for score in scores]

    def evaluate(self, texts: Sequence[str | tuple[str, str | None]]) -> Evaluation:
        """Return the metrics of all texts together: those of ``charloom evaluate``.

        A pair is a text with its label. Raises CorpusError if there are no texts, LabelError for a
        label that the model does not have.
        """
        blocks = to_blocks(self._labelled_documents(texts))
        return evaluate(self.scorer.score_blocks(blocks))

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Return the bits per character of all texts together.

        Raises CorpusError if there are none.
        """
        return self.evaluate(texts).bits_per_character

    def classify(self, texts: Sequence[str]) -> list[str]:
        """Return the label under which each text is most probable.

        Raises LabelError if the model has fewer than two labels.
        """
        lines = score_lines(self.scorer, to_blocks(self._clean_documents(texts)), classify=True)
        return [str(line.label) for block in lines for line in block]

    def next(self, text: str, label: str | None = None) -> list[tuple[str, float]]:
        """Return the symbols that may follow ``text``, with their probabilities.

        The most probable symbol is first. ``<unk>`` is left out, so the probabilities sum to less
        than 1.
        """
        return self.generator.next(self._clean_prompt(text), label)

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

    def _clean_prompt(self, text: str) -> str:
        if not isinstance(text, str):
            raise SettingsError(f"prompt is {text!r:.80}; it must be a text.")
        return clean_prompt(text, self.record.text)

    def _labelled_documents(
        self, texts: Sequence[str | tuple[str, str | None]]
    ) -> Iterator[Document]:
        if isinstance(texts, str):
            raise SettingsError("one string was given; give a list of texts, such as [text].")
        for item in texts:
            text, label = (item, None) if isinstance(item, str) else item
            label_id(label, self.record.labels)
            yield Document(text=clean_document(text, self.record.text), label=label)

    def _clean_documents(self, texts: Sequence[str]) -> Iterator[Document]:
        if isinstance(texts, str):
            raise SettingsError("one string was given; give a list of texts, such as [text].")
        return (Document(text=clean_document(text, self.record.text)) for text in texts)


def sampling_settings(options: SamplingOptions) -> SamplingSettings:
    """Return settings with ``options``; ``stop`` and others may be a single string.

    Raises SettingsError for an unknown or invalid option.
    """
    fields: dict[str, Any] = dict(options)
    known = [field.name for field in dataclasses.fields(SamplingSettings)]
    for name in fields:
        if name not in known:
            raise SettingsError(f"there is no option {name!r}; there are: {', '.join(known)}.")
    for name in ("stop", "forbid", "novel_file"):
        if isinstance(fields.get(name), str | PathLike):
            fields[name] = (fields[name],)
    if isinstance(fields.get("novel_file"), list | tuple):
        fields["novel_file"] = tuple(
            os.fspath(file) if isinstance(file, PathLike) else file for file in fields["novel_file"]
        )
    return SamplingSettings(**fields)
