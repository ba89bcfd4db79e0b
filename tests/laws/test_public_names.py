"""The public names of the package; everything else may change."""

import importlib.metadata
import inspect
import re
import subprocess
import sys

import charloom
from charloom import errors

PUBLIC = (
    "CharloomError",
    "CheckerError",
    "CorpusError",
    "DivergedError",
    "DownloadError",
    "Event",
    "LabelError",
    "Listener",
    "MissingPackageError",
    "Mixture",
    "Model",
    "ModelFolderError",
    "NetworkSettings",
    "NetworkState",
    "OutputError",
    "ProcessError",
    "ResumeError",
    "Sample",
    "SamplingError",
    "SamplingSettings",
    "Saved",
    "SettingsError",
    "SourceError",
    "Step",
    "Stopped",
    "TextSettings",
    "TrainingError",
    "TrainingSettings",
    "Validation",
    "__version__",
    "import_model",
    "load",
    "mix",
    "train",
)


def test_the_public_names_are_these() -> None:
    assert tuple(sorted(charloom.__all__)) == PUBLIC
    assert len(set(charloom.__all__)) == len(charloom.__all__)


def test_every_public_name_exists_and_is_in_dir() -> None:
    for name in PUBLIC:
        assert getattr(charloom, name) is not None
    assert set(PUBLIC) <= set(dir(charloom))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(charloom, "no_such_name")


def test_every_error_is_public_and_derives_from_charloom_error() -> None:
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert classes == {name for name in PUBLIC if name.endswith("Error")}
    assert all(issubclass(getattr(errors, name), errors.CharloomError) for name in classes)


def test_told_is_still_readable_on_process_errors() -> None:
    assert errors.ProcessError("rank 1 ended", already_reported=True).told
    assert not errors.ProcessError("rank 1 ended", already_reported=False).told


def test_the_error_tree_in_the_docstring_is_that_of_the_classes() -> None:
    lines = (errors.__doc__ or "").splitlines()
    matches = [re.match(r"([ │├└─]+)(\w+Error)\b", line) for line in lines]
    depths = {match[2]: len(match[1]) // 4 for match in matches if match}
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    root = len(errors.CharloomError.__mro__)
    assert depths == {c.__name__: len(c.__mro__) - root + 1 for c in classes}


def test_the_version_is_that_of_the_package() -> None:
    assert charloom.__version__ == importlib.metadata.version("charloom")


def test_importing_charloom_does_not_import_torch() -> None:
    program = "import sys, charloom; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
