"""A trained model in memory: it generates and scores texts, without torch."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from charloom.displays.next_symbols import NextSymbols
from charloom.displays.samples import quick_samples, recorded_samples
from charloom.evaluation.evaluate import Evaluation, evaluate
from charloom.evaluation.model_parts import ModelParts, Text, split_label
from charloom.evaluation.score_lines import score_lines
from charloom.evaluation.text_score import TextScore
from charloom.events import Sample
from charloom.formatting import format_count
from charloom.generation.checker import TextChecker, make_checker
from charloom.generation.text_filter import make_text_filter
from charloom.inspection.states import TextStates, trace_states
from charloom.inspection.surprisals import TextSurprisals, measure_surprisals
from charloom.inspection.vectors import SimilarText, most_similar, text_vectors
from charloom.model_folder.writer import create_model_folder
from charloom.network.network_state import NetworkState
from charloom.settings import DEFAULT_LENGTH, Label, SamplingOptions, SamplingSettings
from charloom.settings.measurements import (
    DIVERSITY_TEXTS,
    MEMORISATION_TEMPERATURE,
    MEMORISATION_TEXTS,
)
from charloom.settings.sampling_arguments import sampling_settings
from charloom.text.documents import to_blocks

if TYPE_CHECKING:
    from charloom.data.source_file import Sources
    from charloom.evaluation.diversity import Diversity
    from charloom.evaluation.memorisation import Memorisation
    from charloom.exchange.names import ExportOptions
    from charloom.exchange.written_export import WrittenExport
    from charloom.report.files import WrittenReport


class Model(ModelParts):
    """A trained model. Prompts and texts are cleaned like the training texts."""

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

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a model folder; ``force`` replaces an existing one.

        It has the events of ``history``. Raises OutputError if the folder exists already or cannot
        be written.
        """
        logs = self._known_history.to_files()
        create_model_folder(Path(path), self.record, force=force, logs=logs)

    def generate(
        self,
        prompt: str | Sequence[str] = "",
        *,
        n: int = 1,
        state: NetworkState | None = None,
        checker: TextChecker | None = None,
        **options: Unpack[SamplingOptions],
    ) -> list[str]:
        """Return ``n`` texts that begin with ``prompt``, or ``n`` of each of several.

        Text ``k``, from 0, has the seed ``seed + k``. ``options`` are the fields of
        SamplingSettings: ``temperature`` (0.8; 0 is greedy), ``seed`` (0), ``length`` (500 symbols
        at most), ``stop``, ``label``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``,
        ``bias``, ``min_length``, ``match``, ``forbid``, ``novel``, ``unique``, ``beam`` and others.
        A ``label`` is one label, or weights by label: the text begins with the weighted mean of
        their states.

        With a ``state``, such as ``states(text).at(-1)``, the network reads the prompt from there,
        without a boundary before it. If it is the state after ``a``, the texts continue the prompt
        ``b`` as those of the prompt ``a + b`` do, provided that cleaning and splitting change
        neither part, and without options that judge the prompt: ``repetition_penalty``, ``match``,
        ``forbid``, ``novel``, ``unique``, a checker.

        With a ``checker``, a function or a command, texts that it rejects are left out.

        Raises SettingsError for an invalid option or state, LabelError for an unknown label,
        SourceError for an unreadable list, SamplingError if too few texts pass, CheckerError.
        """
        settings = sampling_settings(
            options if checker is None else options | {"accepted_only": True}
        )
        judge = None if checker is None else make_checker(checker)
        text_filter = make_text_filter(settings, self.record, judge)
        is_one = isinstance(prompt, str) or not isinstance(prompt, Iterable)
        prompts: Iterable[Any] = [prompt] if is_one else prompt
        return [
            generated.text
            for cleaned in map(self._clean_prompt, prompts)
            for generated in self.generator.texts(cleaned, settings, n, text_filter, state)
        ]

    def stream(
        self,
        prompt: str = "",
        *,
        state: NetworkState | None = None,
        **options: Unpack[SamplingOptions],
    ) -> Iterator[str]:
        """Yield the text of ``generate`` piece by piece, without its prompt.

        Several threads may stream at once, and a stream may be abandoned at any symbol. ``novel``,
        ``novel_file``, ``unique`` and ``beam`` need whole texts: they raise SettingsError.
        """
        settings = sampling_settings(options)
        return self.generator.stream(self._clean_prompt(prompt), settings, state=state)

    @overload
    def score(self, texts: Sequence[Text], *, details: Literal[False] = False) -> list[float]: ...

    @overload
    def score(self, texts: Sequence[Text], *, details: Literal[True]) -> tuple[TextScore, ...]: ...

    def score(
        self, texts: Sequence[Text], *, details: bool = False
    ) -> list[float] | tuple[TextScore, ...]:
        """Return the bits per character of each text, or a record of its figures.

        The boundary that ends a text counts as one character. A pair is a text with its label.
        Raises LabelError for a label that the model does not have.
        """
        if not details:
            scores = self.scorer.score(self._labelled_documents(texts))
            return [score.bits_per_character for score in scores]
        items = texts if isinstance(texts, str) else list(texts)
        scores = self.scorer.score(self._labelled_documents(items))
        return tuple(
            TextScore.from_score(*split_label(item), score)
            for item, score in zip(items, scores, strict=True)
        )

    def surprisals(self, text: str, label: Label = None) -> TextSurprisals:
        """Return the bits of each symbol of a text; their sum is that of ``score``.

        A notebook shows the record as a text with shades. ``label`` is one label, or weights by
        label. Raises LabelError for a label that the model does not have.
        """
        return measure_surprisals(self, self._clean_text(text), checked_label(label))

    def states(self, text: str, label: Label = None) -> TextStates:
        """Return states and gates after the boundary and after each symbol of a text.

        All have the axes (T, L, H): positions, layers, hidden units. ``label`` is one label, or
        weights by label. The text is cleaned as a prompt. Raises LabelError for a label that the
        model does not have.
        """
        return trace_states(self, self._clean_prompt(text), checked_label(label))

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector for each text, (N, H).

        It is the hidden state of the highest layer after the last symbol, as ``states`` returns it.
        It does not depend on the other texts.
        """
        return text_vectors(self, self._clean_texts(texts))

    def similar(self, text: str, texts: Sequence[str], n: int = 10) -> tuple[SimilarText, ...]:
        """Return the ``n`` of ``texts`` with the vectors most similar to that of ``text``.

        The measure is cosine similarity. The most similar is first; ties go to the lower index.
        Raises SettingsError for ``n`` below 1.
        """
        SamplingSettings().seeds(n)
        items = texts if isinstance(texts, str) else list(texts)
        vectors_NH = text_vectors(self, [self._clean_text(text), *self._clean_texts(items)])
        return most_similar(vectors_NH[0], vectors_NH[1:], items, n)

    def evaluate(self, texts: Sequence[Text]) -> Evaluation:
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

    def next(
        self, text: str, label: Label = None, *, state: NetworkState | None = None
    ) -> NextSymbols:
        """Return the symbols that may follow ``text``, with their probabilities.

        The list begins with the most probable symbol; notebooks show it as bars. ``<unk>`` is left
        out, so the probabilities sum to less than 1. ``label`` and ``state`` are those of
        ``generate``.
        """
        return NextSymbols(
            self.generator.next(self._clean_prompt(text), checked_label(label), state)
        )

    def memorisation(
        self,
        n: int = MEMORISATION_TEXTS,
        *,
        texts: Sequence[str] | None = None,
        temperature: float = MEMORISATION_TEMPERATURE,
        length: int = DEFAULT_LENGTH,
        seed: int = 0,
        training: "Sources" = (),
        validation: str | Path | None = None,
    ) -> "Memorisation":
        """Measure how much of ``n`` samples, or of ``texts``, is copied training text.

        These are the figures of ``charloom memorisation``. The training texts are read where they
        were during training, or from ``training`` and ``validation``. Raises CorpusError if they
        are not there.
        """
        # Imported here, as in the next methods, since generating and scoring start without it.
        from charloom.evaluation.memorisation import measure_model_memorisation
        from charloom.evaluation.training_texts import recover_corpus

        settings = SamplingSettings(temperature=temperature, length=length, seed=seed)
        corpus = recover_corpus(self.record, training, validation)
        own = None if texts is None else self._clean_texts(texts)
        return measure_model_memorisation(self, corpus, settings, n, own)

    def diversity(
        self,
        n: int = DIVERSITY_TEXTS,
        *,
        texts: Sequence[str] | None = None,
        length: int = DEFAULT_LENGTH,
        seed: int = 0,
        training: "Sources" = (),
        validation: str | Path | None = None,
        checker: TextChecker | None = None,
    ) -> "tuple[Diversity, ...]":
        """Measure variety, length, bits and copies of ``n`` samples at ten temperatures.

        These are the figures of ``charloom diversity``; the last record has those of held-out
        texts. With ``texts``, the only other record has those of ``texts``. Training texts are read
        as for ``memorisation``. A ``checker`` judges all texts.
        """
        from charloom.evaluation.diversity import measure_model_diversity
        from charloom.evaluation.training_texts import recover_corpus

        settings = SamplingSettings(length=length, seed=seed)
        corpus = recover_corpus(self.record, training, validation)
        own = None if texts is None else self._clean_texts(texts)
        judge = None if checker is None else make_checker(checker)
        return tuple(measure_model_diversity(self, corpus, settings, n, own, judge))

    def report(
        self,
        path: str | Path,
        *,
        texts: Sequence[str] = (),
        seed: int = 0,
        training: "Sources" = (),
        validation: str | Path | None = None,
        checker: TextChecker | None = None,
    ) -> "WrittenReport":
        """Write ``report.html`` and ``report.json``; a notebook shows the page.

        ``path`` is their folder, which is made if it is missing. They are those of
        ``charloom report``; the surprise of ``texts`` is shown too. Training texts are read as for
        ``memorisation``. If they are not there, the page has all that needs none of them. Raises
        OutputError if a file cannot be written.
        """
        from charloom.report.files import write_report

        return write_report(
            self,
            Path(path),
            chosen=texts,
            seed=seed,
            training=training,
            validation=validation,
            checker=None if checker is None else make_checker(checker),
        )

    def export(
        self,
        path: str | Path,
        *,
        to: str = "html",
        texts: Sequence[Text] = (),
        rounded: str | Path | None = None,
        force: bool = False,
        **options: "Unpack[ExportOptions]",
    ) -> "WrittenExport":
        """Write the model for other programs; nothing in it is training text.

        ``to`` is "html": a page that works offline and writes the same texts, or with ``embed`` a
        folder with a module for other pages; "keras": a file for ``keras.models.load_model``;
        "torch": a folder with a PyTorch module; or "hf": a model folder for Hugging Face's hub,
        whose card names ``license`` and ``language``. Of html, ``dtype`` is "float32", "float16" or
        "int8"; the cost of rounded weights is measured on ``texts``, by default on texts that the
        model writes, and ``rounded`` is a new folder for the model with those weights. ``force``
        replaces files and allows more than 64 MB.

        Raises SettingsError for invalid options, OutputError if a file cannot be written,
        MissingPackageError if the format needs a package that is not installed.
        """
        from charloom.exchange.export import export_model

        blocks = list(to_blocks(self._labelled_documents(texts)))
        return export_model(
            self, Path(path), {"to": to, **options}, blocks, rounded=rounded, force=force
        )

    @cached_property
    def _card_samples(self) -> tuple[Sample, ...]:
        """Samples for the card: those of the run, or else new ones, made in a moment."""
        return recorded_samples(self.record, self._known_history) or quick_samples(self.record)


def checked_label(label: Label) -> Label:
    """Return a label with weights of sum 1; raises SettingsError for invalid weights."""
    return SamplingSettings(label=label).label
