"""Everything that a user can get wrong, as one tree.

    CharloomError
    ├── SettingsError       an option is out of range, or two options contradict each other
    ├── SourceError         a text cannot be read: missing, empty, wrong encoding, no such column
    ├── CorpusError         the text was read, but nothing can be learned from it
    ├── DownloadError       a named corpus cannot be fetched, or is not what it should be
    ├── OutputError         a folder or file cannot be written, or would be overwritten
    ├── ModelFolderError    a model folder is missing, damaged, altered or too new
    ├── LabelError          a label that the model does not know
    ├── SamplingError       too few of the texts that were drawn are new
    ├── ResumeError         a run cannot go on: no whole checkpoint, other settings or other texts
    └── TrainingError       training went wrong in a way that the user can mend
        ├── DivergedError   the loss, or the gradient, is no finite number any more
        └── ProcessError    another process of the same training has ended

Each message is one line: what was seen, what is allowed, what to do. The command line prints it on
standard error and ends with exit code 2.
"""


class CharloomError(Exception):
    """Root of all errors that a user can meet; the message is one line."""


class SettingsError(CharloomError):
    """An option is out of range, or two options contradict each other."""


class SourceError(CharloomError):
    """A text cannot be read: missing, empty, wrong encoding, no such column."""


class CorpusError(CharloomError):
    """The text was read, but nothing can be learned from it."""


class DownloadError(CharloomError):
    """A named corpus cannot be fetched, or is not what it should be."""


class OutputError(CharloomError):
    """A folder or file cannot be written, or would be overwritten."""


class ModelFolderError(CharloomError):
    """A model folder is missing, damaged, altered or of a newer format."""


class LabelError(CharloomError):
    """A label that the model does not know."""


class SamplingError(CharloomError):
    """Too few of the texts that were drawn are new."""


class ResumeError(CharloomError):
    """A run cannot go on: no checkpoint, a damaged one, other settings or other texts."""


class TrainingError(CharloomError):
    """Training went wrong in a way that the user can mend."""


class DivergedError(TrainingError):
    """The loss, or the gradient, is no finite number any more."""


class ProcessError(TrainingError):
    """Another process of the same training has ended, so this one ends too."""

    def __init__(self, message: str, *, already_reported: bool) -> None:
        super().__init__(message)
        self.already_reported = already_reported
        """Whether another process says so on the same terminal."""
