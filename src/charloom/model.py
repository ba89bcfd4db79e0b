"""A trained model in memory: it generates and scores texts, without torch."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, Unpack

from charloom.displays.next_symbols import NextSymbols
from charloom.displays.samples import quick_samples, recorded_samples
from charloom.errors import ModelFolderError, SettingsError
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.score_lines import score_lines
from charloom.evaluation.scorer import Scorer
from charloom.evaluation.symbol_scorer import SymbolScorer
from charloom.events import Sample
from charloom.formatting import format_count
from charloom.generation.generator import Generator, label_id
from charloom.generation.text_filter import make_text_filter
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.history import History, read_history
from charloom.model_folder.writer import create_model_folder
from charloom.network.engine import Engine
from charloom.settings import SamplingOptions, SamplingSettings
from charloom.text.cleaning import clean_document, clean_prompt
from charloom.text.documents import Document, to_blocks


class Model:
    """A trained model. Prompts and texts are cleaned like the training texts."""

    def __init__(self, record: ModelRecord, history: History | Path | None = None) -> None:
        self.record = record
        """The content of the model folder: settings, vocabulary, weights, metrics, provenance."""
        self._history = history
        """The history of the run, or the model folder that holds it."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a model folder; raises ModelFolderError if it is missing or damaged."""
        return cls(model_folder.read(Path(path)), Path(path).absolute())

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

    def _repr_html_(self) -> str:
        """Return a small card for notebooks: figures, curves and samples."""
        from charloom.displays.model_card import model_card

        return model_card(self.record, self._known_history, self._card_samples).to_html()

    def __getstate__(self) -> dict[str, Any]:
        """Return record and history: a pickle, or a copy, is small and made at any time."""
        return {"record": self.record, "_history": self._history}

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a model folder; ``force`` replaces an existing one.

        It has the events of ``history``. Raises OutputError if the folder exists already or cannot
        be written.
        """
        logs = self._known_history.to_files()
        create_model_folder(Path(path), self.record, force=force, logs=logs)

    @cached_property
    def history(self) -> History:
        """The curves and the samples of the run; empty if they were not recorded.

        A model that was trained without a folder has the samples of its weights alone. Raises
        ModelFolderError if ``metrics.jsonl`` in the model folder is damaged.
        """
        recorded = self._history
        return read_history(recorded) if isinstance(recorded, Path) else recorded or History()

    def generate(
        self, prompt: str | Sequence[str] = "", *, n: int = 1, **options: Unpack[SamplingOptions]
    ) -> list[str]:
        """Return ``n`` texts that begin with ``prompt``, or ``n`` of each of several.

        Text ``k``, from 0, has the seed ``seed + k``. ``options`` are the fields of
        SamplingSettings: ``temperature`` (0.8; 0 is greedy), ``seed`` (0), ``length`` (500 symbols
        at most), ``stop``, ``label``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``,
        ``bias``, ``min_length``, ``match``, ``novel``, ``unique``, ``beam`` and others.

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
        ``unique`` and ``beam`` need whole texts: they raise SettingsError.
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

    def next(self, text: str, label: str | None = None) -> NextSymbols:
        """Return a list of the symbols that may follow ``text``, with probabilities.

        The most probable symbol is first. ``<unk>`` is left out, so the probabilities sum to less
        than 1. Notebooks show the list as bars.
        """
        return NextSymbols(self.generator.next(self._clean_prompt(text), label))

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

    @property
    def _known_history(self) -> History:
        """The history; an empty one if its file is damaged."""
        try:
            return self.history
        except ModelFolderError:
            return History()

    @cached_property
    def _card_samples(self) -> tuple[Sample, ...]:
        """Samples for the card: those of the run, or else new ones, made in a moment."""
        return recorded_samples(self.record, self._known_history) or quick_samples(self.record)

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
    """Return settings with ``options``, in which ``stop`` may be a single string.

    Raises SettingsError for an unknown or invalid option.
    """
    fields: dict[str, Any] = dict(options)
    known = [field.name for field in dataclasses.fields(SamplingSettings)]
    for name in fields:
        if name not in known:
            raise SettingsError(f"there is no option {name!r}; there are: {', '.join(known)}.")
    if isinstance(fields.get("stop"), str):
        fields["stop"] = (fields["stop"],)
    return SamplingSettings(**fields)
