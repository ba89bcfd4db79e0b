"""From a prompt to texts, whole or as a stream.

The path of a text: the network reads the prompt, which gives a ``PromptState``. A decoder
(decode_loop.py) decodes a block of symbols for a batch of seeds. The ``PartialText`` of each seed
(detokenizer.py) turns its symbols into pieces of text, until it has ended.

The symbol at position t after the prompt is sampled with the uniform of (seed of the text, t). So a
text depends on its own seed only, not on the other texts of the batch.

Axes: B sequences, T symbols of a block, V symbols of the vocabulary.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np

from charloom.errors import LabelError, SettingsError
from charloom.generation.decode_loop import (
    COMPILED_BATCH,
    ChooseDecoder,
    Decoder,
    DecoderState,
    PromptState,
)
from charloom.generation.detokenizer import GeneratedText, PartialText
from charloom.generation.forbidden_strings import ForbiddenStringsCache
from charloom.generation.logits_processor import LogitsProcessor, build_logits_processor
from charloom.generation.mixture_decoder import MixtureEngine, engine_decoders
from charloom.generation.regex_constraint import RegexConstraint
from charloom.generation.sampling import softmax
from charloom.generation.session import Session
from charloom.generation.text_filter import MAX_BATCH, TextFilter
from charloom.network.engine import Engine
from charloom.network.exact import Floats
from charloom.network.network_state import NetworkState
from charloom.network.reference import State
from charloom.settings import Label, SamplingSettings
from charloom.settings.label_mixture import normalize_weights
from charloom.text.vocabulary import EOS, UNK, Vocabulary

BLOCK_SYMBOLS = 64
"""Symbols to decode in one call; texts are searched for stop strings after it."""
MAX_SHOWN_LABELS = 20
"""Known labels that an error lists."""


class Generator:
    """Generates texts with a trained network. Threads may share a generator.

    The texts of an ``endless`` one have their full length, since its network was trained on one
    stream without ends. ``choose_decoder`` replaces the choice of the faster decoder, for tests.
    """

    def __init__(
        self,
        engine: Engine | MixtureEngine,
        vocabulary: Vocabulary,
        labels: tuple[str, ...] = (),
        *,
        endless: bool = False,
        choose_decoder: ChooseDecoder | None = None,
    ) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.choose_decoder = choose_decoder or engine_decoders(engine)
        self._endless = endless
        self._labels = labels
        self._compile_regex = functools.lru_cache(maxsize=8)(
            lambda pattern: RegexConstraint(pattern, vocabulary)
        )
        self._compile_forbidden = ForbiddenStringsCache(vocabulary)

    def generate(
        self,
        prompt: str,
        settings: SamplingSettings,
        n: int = 1,
        text_filter: TextFilter | None = None,
        state: NetworkState | None = None,
    ) -> list[GeneratedText]:
        """Return ``n`` texts; text ``k`` has the seed ``settings.seed + k``.

        A novelty filter skips seeds whose texts it rejects. With ``beam``, the texts are the ``n``
        best of the search, best first. The network reads a symbol of the prompt that the vocabulary
        lacks as ``<unk>``. It reads the prompt from ``state``, without a boundary before it.

        Raises LabelError for an unknown label and SamplingError if the filter rejects too many
        texts. Raises SettingsError for settings or a state that do not fit the model, for ``n``
        below 1, for a prompt that no match begins with, and for one that holds a forbidden string.
        """
        return list(self.texts(prompt, settings, n, text_filter, state))

    def texts(
        self,
        prompt: str,
        settings: SamplingSettings,
        n: int = 1,
        text_filter: TextFilter | None = None,
        state: NetworkState | None = None,
    ) -> Iterator[GeneratedText]:
        """Yield the texts of ``generate``, in batches as they are decoded."""
        seeds = settings.seeds(n)
        if settings.beam is not None:
            # Imported here, since it imports decimal, which takes time.
            from charloom.generation.beam import beam_search

            start = self._read_prompt(prompt, settings, self.choose_decoder(len(prompt)), state)
            yield from beam_search(self.choose_decoder, self.vocabulary, start, n, text_filter)
            return
        # Symbols decoded one after another: a batch takes NumPy about as long as one sequence.
        symbols = math.ceil(n / COMPILED_BATCH) * settings.length
        decoder = self.choose_decoder(len(prompt) + symbols)
        start = self._read_prompt(prompt, settings, decoder, state)
        generate = functools.partial(self._generate_seeds, decoder, start)
        if text_filter is not None:
            yield from text_filter.filter(generate, settings, n)
            return
        for first in range(0, n, MAX_BATCH):
            yield from generate(seeds[first : first + MAX_BATCH])

    def stream(
        self,
        prompt: str,
        settings: SamplingSettings,
        block: int = 1,
        state: NetworkState | None = None,
    ) -> Iterator[str]:
        """Yield the text that ``generate`` adds to the prompt, in pieces.

        A piece is the text of ``block`` symbols. The beginning of a stop string, or of a character
        of several bytes, is held back until it is complete or ruled out. Memory does not grow with
        the length of the text. Raises as ``generate`` does, when called, and SettingsError for
        ``beam``, ``novel``, ``novel_file``, ``unique``, ``accepted_only`` and matching by trial.
        """
        if settings.beam is not None or settings.needs_trials:
            raise SettingsError(
                "beam, novel, novel-file, unique, accepted-only and match-by trial judge whole "
                "texts, which are not streamed; leave them out, or do not stream."
            )
        decoder = self.choose_decoder(len(prompt) + settings.length)
        start = self._read_prompt(prompt, settings, decoder, state)
        text = PartialText(settings.seed, self.vocabulary, settings)
        pieces = self._decode_texts([text], decoder, start, block)
        return (piece for _, piece in pieces if piece)

    def session(self, prompt: str, settings: SamplingSettings) -> Session:
        """Return a session, in which a person and the network write a text together.

        Raises as ``stream`` does.
        """
        if settings.beam is not None or settings.needs_trials:
            raise SettingsError(
                "beam, novel, novel-file, unique, accepted-only and match-by trial judge whole "
                "texts, so a session has no use for them; leave them out."
            )
        start = self._read_prompt(prompt, settings, self.choose_decoder(len(prompt)))
        return Session(self.choose_decoder, self.vocabulary, start)

    def next(
        self, text: str, label: Label = None, state: NetworkState | None = None
    ) -> list[tuple[str, float]]:
        """Return the symbols that may follow ``text`` with their probabilities.

        The most probable comes first; ties go to the lower id. ``<eos>`` is included. ``<unk>`` is
        left out, since it is never sampled; the others sum to 1 minus its probability.
        """
        logits_BV, _ = self._prefill(text, label, self.choose_decoder(len(text)), state)
        probabilities_V = softmax(logits_BV)[0]
        order = np.argsort(-probabilities_V, kind="stable").tolist()
        symbols = self.vocabulary.symbols
        return [(symbols[index], float(probabilities_V[index])) for index in order if index != UNK]

    def start_state(self, label: Label) -> State:
        """Return the state before the boundary, B is 1: that of a label, or zeros.

        A mixture of labels has the weighted mean of their states. Raises LabelError for an unknown
        label, and SettingsError for invalid weights.
        """
        if isinstance(label, Mapping):
            weights = {
                label_id(name, self._labels): weight
                for name, weight in normalize_weights(label).items()
            }
            ids = sorted(weights)  # so that the order of the mixture has no influence
            states = self.engine.initial_state(np.array(ids))
            return states.weighted_mean(np.array([weights[index] for index in ids]))
        return self.engine.initial_state(np.array([label_id(label, self._labels)]))

    def check_prompt(self, prompt: str, settings: SamplingSettings) -> None:
        """Raise the SettingsError that ``generate`` would raise for a prompt."""
        self._build_processor(prompt, settings)

    def _build_processor(
        self, prompt: str, settings: SamplingSettings
    ) -> tuple[SamplingSettings, LogitsProcessor]:
        """Return the settings of this network, and their processor for texts of a prompt."""
        if self._endless and settings.match is None and "<eos>" not in settings.bias:
            settings = dataclasses.replace(settings, min_length=settings.length)
        return settings, build_logits_processor(
            settings, self.vocabulary, prompt, self._compile_regex, self._compile_forbidden
        )

    def _read_prompt(
        self,
        prompt: str,
        settings: SamplingSettings,
        decoder: Decoder,
        state: NetworkState | None = None,
    ) -> PromptState:
        settings, processor = self._build_processor(prompt, settings)
        logits_1V, after_prompt = self._prefill(prompt, settings.label, decoder, state)
        return PromptState(
            prompt=prompt,
            settings=settings,
            processor=processor,
            logits_1V=logits_1V,
            network_state=after_prompt,
        )

    def _prefill(
        self, text: str, label: Label, decoder: Decoder, state: NetworkState | None
    ) -> tuple[Floats, State]:
        """Return logits, (1, V), and state after the boundary, or ``state``, and ``text``."""
        ids_T = self.vocabulary.encode(text)
        if state is None:
            return decoder.prefill(np.concatenate([[EOS], ids_T]), self.start_state(label))
        if label is not None:
            raise SettingsError(
                "label and state were both given, and both are the start of a text; give one of "
                "them."
            )
        if not isinstance(state, NetworkState):
            raise SettingsError(
                f"state is a {type(state).__name__}; give a charloom.NetworkState, such as "
                "model.states(text).at(-1)."
            )
        return decoder.prefill(ids_T, self.engine.batch_state(state))

    def _generate_seeds(
        self, decoder: Decoder, start: PromptState, seeds: Sequence[int]
    ) -> list[GeneratedText]:
        """Return the text of each seed; batches run in several threads if the decoder can."""

        def generate(batch: Sequence[int]) -> list[GeneratedText]:
            texts = [PartialText(seed, self.vocabulary, start.settings) for seed in batch]
            pieces: dict[int, list[str]] = {seed: [] for seed in batch}
            for text, piece in self._decode_texts(texts, decoder, start, BLOCK_SYMBOLS):
                pieces[text.seed].append(piece)
            return [text.finish(start.prompt, "".join(pieces[text.seed])) for text in texts]

        batches = [
            seeds[first : first + decoder.batch] for first in range(0, len(seeds), decoder.batch)
        ]
        if not decoder.releases_gil or len(batches) == 1:
            return list(chain.from_iterable(map(generate, batches)))
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            return list(chain.from_iterable(pool.map(generate, batches)))

    def _decode_texts(
        self, texts: Sequence[PartialText], decoder: Decoder, start: PromptState, block: int
    ) -> Iterator[tuple[PartialText, str]]:
        """Decode ``block`` symbols of each text at a time until all have ended.

        Yield each text with the piece that a block added to it, which may be empty.
        """
        state = DecoderState.from_prompt(start, [text.seed for text in texts])
        while texts:
            steps = min(block, start.settings.length - state.position)
            decoded = decoder.decode(state, steps, start.processor)
            for row, text in enumerate(texts):
                n = decoded.lengths_B[row]
                yield text, text.append(decoded.ids_BT[row, :n].tolist(), decoded.nats_BT[row, :n])
            # The state has no texts that reached the boundary, but still those that ended with a
            # stop string or the maximum length.
            state, rows = decoded.state, decoded.rows_B.tolist()
            active = [k for k, row in enumerate(rows) if texts[row].stopped is None]
            texts = [texts[rows[k]] for k in active]
            if len(active) < len(rows):
                state = state.select(np.array(active, np.int64))


def label_id(label: str | None, labels: Sequence[str]) -> int:
    """Return the id of a label among the labels of a model; -1 for None.

    Raises LabelError for a label that is not among them.
    """
    if label is None:
        return -1
    if label in labels:
        return labels.index(label)
    if not labels:
        raise LabelError(
            f"label {label!r} was asked for, but this model has no labels; "
            "leave the label out, or train a model with --label-column."
        )
    known = ", ".join(labels[:MAX_SHOWN_LABELS])
    more = len(labels) - MAX_SHOWN_LABELS
    rest = f" and {more} more" if more > 0 else ""
    raise LabelError(f"label {label!r} is not known to this model; known labels: {known}{rest}.")
