"""Texts that are new: none of the training documents, none twice."""

import math
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from charloom.errors import SamplingError, SettingsError
from charloom.generation.detokenizer import GeneratedText
from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import DOCUMENTS, ModelRecord
from charloom.settings import DEFAULT_TRIES, SamplingSettings, TextSettings
from charloom.settings.limits import MAX_SEED
from charloom.text.cleaning import clean_document

MAX_BATCH = 256
"""The largest number of texts that are drawn before the first of them is given out."""


class NoveltyFilter:
    """Holds back texts that are known or came before, over all prompts and labels of one call.

    ``known`` are the documents that are held back, None if ``novel`` was not asked for; ``text``
    says how the model reads a document. A text is compared whole, with its prompt: with the
    documents as it is and as the model would read it, with those before as it is.
    """

    def __init__(self, *, index: DocumentIndex | None, unique: bool, text: TextSettings) -> None:
        self.examined = 0
        """Texts that were looked at."""
        self.in_training = 0
        """Those of them that stand in the training documents."""
        self.repeated = 0
        """Those of the others that came before."""
        self._documents = index
        self._text = text
        self._before: set[bytes] | None = set() if unique else None

    def filter(
        self,
        draw: Callable[[Sequence[int]], list[GeneratedText]],
        settings: SamplingSettings,
        n: int,
    ) -> Iterator[GeneratedText]:
        """Yield the first ``n`` texts that pass, drawn with one seed after another.

        ``draw`` gives the texts of some seeds in their order; how many are drawn at once changes
        neither the texts nor what is counted. Raises SamplingError when ``tries`` texts for each
        one asked for were drawn; at temperature 0, where all are the same, one for each.
        """
        tries = 1 if settings.temperature == 0 else settings.tries or DEFAULT_TRIES
        budget = min(tries * n, MAX_SEED + 1 - settings.seed)
        before = (self.in_training, self.repeated)
        tried = found = 0
        while found < n:
            if tried == budget:
                held_back = self._held_back(self.in_training - before[0], self.repeated - before[1])
                raise SamplingError(
                    f"only {found:,} of {n:,} texts were found among {tried:,} drawn: {held_back}; "
                    f"{_advice(settings, budget)}."
                )
            # As many as would be enough at the rate so far: all that are asked for, to begin with.
            enough = math.ceil((n - found) * (tried + 1) / (found + 1))
            first = settings.seed + tried
            for text in draw(range(first, first + min(enough, MAX_BATCH, budget - tried))):
                tried += 1
                if self.admit(text.text):
                    found += 1
                    yield text
                    if found == n:
                        break

    def admit(self, text: str) -> bool:
        """Return whether ``text`` is new, and count it."""
        self.examined += 1
        if self._stands_in_documents(text):
            self.in_training += 1
            return False
        if self._before is not None:
            # Texts may be long, and many: a digest stands for each.
            digest = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
            if digest in self._before:
                self.repeated += 1
                return False
            self._before.add(digest)
        return True

    def summary(self) -> str:
        """Return in one line how many texts were tried, and why some were held back."""
        texts = "1 text" if self.examined == 1 else f"{self.examined:,} texts"
        held_back = self._held_back(self.in_training, self.repeated, self.examined)
        return f"tried {texts}: {held_back}."

    def _stands_in_documents(self, text: str) -> bool:
        if self._documents is None:
            return False
        # The fields of a table are cleaned one by one, so that cleaning would change some rows.
        return text in self._documents or clean_document(text, self._text) in self._documents

    def _held_back(self, known: int, repeated: int, drawn: int = 0) -> str:
        """Return how many texts were held back for what was asked; of ``drawn``, in percent."""
        counts = []
        if self._documents is not None:
            counts.append((known, "stood in the training documents"))
        if self._before is not None:
            counts.append((repeated, "came before"))
        return ", ".join(
            f"{count:,} {what}" + (f" ({100 * count / drawn:.1f} %)" if drawn else "")
            for count, what in counts
        )


def _advice(settings: SamplingSettings, budget: int) -> str:
    """Return what to do when so many draws were not enough."""
    if settings.temperature == 0:
        return "at temperature 0 all texts are the same: raise the temperature"
    if settings.seed + budget > MAX_SEED:
        return f"there are no seeds above {MAX_SEED}: choose a smaller seed"
    return "raise the temperature or tries, or ask for fewer"


def make_novelty_filter(settings: SamplingSettings, record: ModelRecord) -> NoveltyFilter | None:
    """Return what holds back texts that are not new; None if that was not asked for.

    Raises SettingsError when the model does not know its training documents, ModelFolderError when
    their index is damaged.
    """
    if not (settings.novel or settings.unique):
        return None
    known = _known(record) if settings.novel else None
    return NoveltyFilter(index=known, unique=settings.unique, text=record.text)


def _known(record: ModelRecord) -> DocumentIndex:
    if record.document_index is not None:
        # Read now, so that damage is told before anything is drawn.
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
