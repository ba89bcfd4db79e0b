"""Reject generated texts: no match, not accepted, known already, or repetitions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b

from charloom.errors import SamplingError, SettingsError
from charloom.generation.checker import BATCH_TEXTS, Checker
from charloom.generation.detokenizer import GeneratedText
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import DOCUMENTS, ModelRecord
from charloom.settings import DEFAULT_MATCH_TRIES, DEFAULT_TRIES, SamplingSettings, TextSettings
from charloom.settings.limits import MAX_SEED
from charloom.text.cleaning import clean_document
from charloom.text.symbols import replace_surrogates

MAX_BATCH = 256
"""Texts to generate at most before the first of them is yielded."""


class TextFilter:
    """Accepts or rejects texts, and counts them over all prompts and labels of a call.

    A whole text, prompt included, is compared with the documents of ``index`` and of ``lists``, if
    there are any: as it is, and cleaned by the settings ``text``. With ``unique`` it is also
    compared, as it is, with all texts accepted before. ``matches`` returns whether a whole text
    matches an expression, and ``checker`` judges the texts of a batch.
    """

    def __init__(
        self,
        *,
        index: DocumentIndex | None,
        unique: bool,
        text: TextSettings,
        lists: DocumentIndex | None = None,
        matches: Callable[[str], bool] | None = None,
        checker: Checker | None = None,
        max_batch: int | None = None,
    ) -> None:
        self.examined = 0
        """Texts examined so far, accepted or not."""
        self.in_sources = 0
        """Texts rejected as documents of the sources."""
        self.in_lists = 0
        """Texts rejected as those of ``lists``, without those counted in ``in_sources``."""
        self.repeated = 0
        """Texts rejected as repetitions, without those counted above."""
        self.unmatched = 0
        """Texts rejected because they do not match, before all other checks."""
        self.unaccepted = 0
        """Texts that match, and that the checker rejected."""
        self._matches = matches
        self._checker = checker
        self._index = index
        self._lists = lists
        self._text = text
        self._seen: set[bytes] | None = set() if unique else None
        self._max_batch = max_batch or (MAX_BATCH if checker is None else BATCH_TEXTS)

    def filter(
        self,
        generate: Callable[[Sequence[int]], list[GeneratedText]],
        settings: SamplingSettings,
        n: int,
    ) -> Iterator[GeneratedText]:
        """Yield the first ``n`` accepted texts, in the order of their seeds.

        ``generate`` returns the texts of some seeds in order. The size of its batches changes
        neither the texts nor the counts. Raises SamplingError if fewer than ``n`` of
        ``n * settings.tries`` texts are accepted, or of ``n`` at temperature 0, where all texts are
        the same.
        """
        usual = DEFAULT_MATCH_TRIES if settings.matches_by_trial else DEFAULT_TRIES
        tries = 1 if settings.temperature == 0 else settings.tries or usual
        budget = min(tries * n, MAX_SEED + 1 - settings.seed)
        before = self._rejections()
        tried = accepted = 0
        while accepted < n:
            if tried == budget:
                raise SamplingError(
                    f"only {accepted:,} of {n:,} texts were found among {tried:,} generated: "
                    f"{self._describe_rejections(before)}; {_advice(settings, budget)}."
                )
            # Seeds that suffice at the acceptance rate so far; at first, all may be accepted.
            enough = math.ceil((n - accepted) * (tried + 1) / (accepted + 1))
            first = settings.seed + tried
            texts = generate(range(first, first + min(enough, self._max_batch, budget - tried)))
            verdicts = self._judge([text.text for text in texts])
            for text, verdict in zip(texts, verdicts, strict=True):
                tried += 1
                if self._admit(text.text, verdict):
                    accepted += 1
                    yield text
                    if accepted == n:
                        break

    def admit(self, text: str) -> bool:
        """Return whether ``text`` is accepted, and count it.

        Raises CheckerError if the checker fails.
        """
        return self._admit(text, self._judge([text])[0])

    def _judge(self, texts: Sequence[str]) -> list[bool]:
        """Return the verdicts of the checker; without one, all texts are accepted."""
        return [True] * len(texts) if self._checker is None else self._checker(texts)

    def _admit(self, text: str, is_accepted: bool) -> bool:
        self.examined += 1
        if self._matches is not None and not self._matches(text):
            self.unmatched += 1
            return False
        if not is_accepted:
            self.unaccepted += 1
            return False
        if self._is_in(self._index, text):
            self.in_sources += 1
            return False
        if self._is_in(self._lists, text):
            self.in_lists += 1
            return False
        if self._seen is not None:
            # Texts may be long and many, so only their digests are kept.
            digest = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
            if digest in self._seen:
                self.repeated += 1
                return False
            self._seen.add(digest)
        return True

    def summary(self) -> str:
        """Return one line with the numbers of texts examined and rejected, by reason."""
        texts = "1 text" if self.examined == 1 else f"{self.examined:,} texts"
        return f"tried {texts}: {self._describe_rejections(total=self.examined)}."

    def _is_in(self, index: DocumentIndex | None, text: str) -> bool:
        if index is None:
            return False
        # A row of a table may differ from its cleaned form: its fields were cleaned one by one.
        return text in index or clean_document(text, self._text) in index

    def _rejections(self) -> dict[str, int]:
        """Return the counts of the active checks by reason."""
        counts = {}
        if self._matches is not None:
            counts["without a match"] = self.unmatched
        if self._checker is not None:
            counts["not accepted"] = self.unaccepted
        if self._index is not None:
            counts["in the texts of the sources"] = self.in_sources
        if self._lists is not None:
            counts["in the lists of novel-file"] = self.in_lists
        if self._seen is not None:
            counts["repeated"] = self.repeated
        return counts

    def _describe_rejections(self, before: Mapping[str, int] | None = None, total: int = 0) -> str:
        """Return the counts since ``before``, with percentages of ``total`` above 0."""
        counts = {
            reason: count - (before or {}).get(reason, 0)
            for reason, count in self._rejections().items()
        }
        return ", ".join(
            f"{count:,} {reason}" + (f" ({100 * count / total:.1f} %)" if total else "")
            for reason, count in counts.items()
        )


def _advice(settings: SamplingSettings, budget: int) -> str:
    if settings.temperature == 0:
        return "at temperature 0 all texts are the same: raise the temperature"
    if settings.seed + budget > MAX_SEED:
        return f"there are no seeds above {MAX_SEED}: choose a smaller seed"
    return "raise the temperature or tries, or ask for fewer"


def make_text_filter(
    settings: SamplingSettings, record: ModelRecord, checker: Checker | None = None
) -> TextFilter | None:
    """Return the filter of settings that leave texts out, None if none of them does.

    None without any of them. Raises SettingsError when the model has no index of its documents,
    ModelFolderError when the index is damaged, and SourceError when a list cannot be read.
    """
    if settings.accepted_only and checker is None:
        raise SettingsError("accepted-only was given without a checker; give --checker too.")
    if not settings.needs_trials:
        return None
    index = _load_index(record) if settings.novel else None
    matches = _matcher(settings.match) if settings.matches_by_trial else None
    return TextFilter(
        index=index,
        unique=settings.unique,
        text=record.text,
        lists=_read_lists(settings.novel_file, record.text),
        matches=matches,
        checker=checker if settings.accepted_only else None,
    )


def _read_lists(files: Sequence[str], text: TextSettings) -> DocumentIndex | None:
    """Return the index of all texts of some files, cleaned; None without files."""
    if not files:
        return None
    # Imported here: most calls read no lists.
    from charloom.data.line_files import read_texts

    texts = {known for file in files for known in read_texts(file, "novel-file", text)}
    return DocumentIndex.from_texts(texts)


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    """Return whether a whole text matches, in time linear in its length."""
    from charloom.generation.byte_automaton import ByteAutomaton

    automaton = ByteAutomaton(pattern or "")

    def matches(text: str) -> bool:
        state = automaton.walk(automaton.start, replace_surrogates(text).encode())
        return state is not None and automaton.is_match(state)

    return matches


def _load_index(record: ModelRecord) -> DocumentIndex:
    if record.document_index is not None:
        # Loaded at once, so that damage is reported before any text is generated.
        return record.document_index.load()
    if record.text.unit == "stream":
        reason = (
            "this model was trained on a stream, which has no documents to compare with; "
            "leave it out, or train with --unit line or --unit document"
        )
    elif not record.training.index:
        reason = (
            "this model was trained with --no-index, and keeps no hashes of its documents; "
            "leave it out, or train again with --index"
        )
    else:
        reason = (
            f"this model has no {DOCUMENTS}: an older charloom made it, or the file was removed; "
            "leave it out, copy the whole folder again, or train again"
        )
    raise SettingsError(f"novel was asked for, but {reason}.")
