"""All errors that a user can cause or meet, as one tree.

    CharloomError
    ├── SettingsError       an option is out of range, or two options contradict each other
    ├── SourceError         a text cannot be read: missing, empty, wrong encoding, no such column
    ├── CorpusError         the text has too few documents or symbols to train on or to evaluate
    ├── DownloadError       a corpus or a model cannot be downloaded or published
    ├── OutputError         a folder or file cannot be written, or would be overwritten
    ├── ModelFolderError    a model folder, or a model file, is missing, damaged or too new
    ├── LabelError          a label that the model does not have
    ├── SamplingError       too few of the generated texts are new
    ├── MissingPackageError an optional package is not installed
    ├── ResumeError         a run cannot be resumed: no intact checkpoint, other settings or texts
    ├── CheckerError        a checker of texts failed, or did not answer as agreed
    └── TrainingError       training failed in a way that the user can correct
        ├── DivergedError   the loss, the gradient or a weight is not finite any more
        └── ProcessError    another process of the same training has ended

Each message is one line: what was given, what is allowed, what to do. The command line prints it on
standard error and exits with code 2.
"""


class CharloomError(Exception):
    """Root of all errors that a user can cause or meet; the message is one line."""


class SettingsError(CharloomError):
    """An option is out of range, or two options contradict each other."""


class SourceError(CharloomError):
    """A text cannot be read: missing, empty, wrong encoding, no such column."""


class CorpusError(CharloomError):
    """The text has too few documents or symbols to train on or to evaluate."""


class DownloadError(CharloomError):
    """A corpus or a model cannot be downloaded, or a model not be published."""


class OutputError(CharloomError):
    """A folder or file cannot be written, or would be overwritten."""


class ModelFolderError(CharloomError):
    """A model folder, or a model file to import, is missing, damaged or too new."""


class LabelError(CharloomError):
    """A label that the model does not have."""


class SamplingError(CharloomError):
    """Too few of the generated texts are new."""


class MissingPackageError(CharloomError):
    """An option or a source needs an optional package that is not installed."""


class ResumeError(CharloomError):
    """A run cannot be resumed: no intact checkpoint, other settings or other texts."""


class CheckerError(CharloomError):
    """A checker of texts failed, took too long, or did not answer as it must."""


class TrainingError(CharloomError):
    """Training failed in a way that the user can correct."""


class DivergedError(TrainingError):
    """The loss, the gradient or a weight is not finite any more."""


class ProcessError(TrainingError):
    """Another process of the same training has ended, so this one ends too."""

    def __init__(self, message: str, *, already_reported: bool) -> None:
        super().__init__(message)
        self.already_reported = already_reported
        """Whether another process reports the error on the same terminal."""

    @property
    def told(self) -> bool:
        """The earlier name of ``already_reported``."""
        return self.already_reported
