"""Models on Hugging Face's hub: ``hf://user/name`` or ``hf://user/name@revision``.

The three files of a model are downloaded into the cache of huggingface_hub, and nothing else of a
repository. Their sizes are bounded, and the checks of the model folder follow. The addresses of hub
and cache are those of huggingface_hub: the variables HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from charloom.errors import DownloadError, SettingsError
from charloom.extras import require_package
from charloom.formatting import quote
from charloom.model_folder.format import CONFIG, VOCABULARY, WEIGHTS
from charloom.model_folder.hub_errors import hub_error, is_unreachable

MAX_BYTES: Final[Mapping[str, int]] = {
    CONFIG: 16_000_000,
    VOCABULARY: 64_000_000,
    WEIGHTS: 2_000_000_000,
}
"""The files that are downloaded, and the largest size of each."""
_SCHEME: Final = "hf:/"
_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REFERENCE: Final = re.compile(
    rf"hf://?({_NAME}/{_NAME})(?:@([A-Za-z0-9_][A-Za-z0-9_./-]{{0,199}}))?"
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SECONDS: Final = 30.0
"""Seconds to wait for the hub's answer."""


@dataclasses.dataclass(frozen=True)
class HubReference:
    """A model on the hub."""

    repository: str
    """User and name, with a slash between."""
    revision: str | None = None
    """A branch, a tag or a commit; None for the main branch."""

    @classmethod
    def parse(cls, path: str | Path) -> Self | None:
        """Return the model that a path names; None if it names a local folder.

        A ``Path`` has one of the two slashes. Raises SettingsError for an invalid name.
        """
        text = path.as_posix() if isinstance(path, Path) else path
        if not text.startswith(_SCHEME):
            return None
        match = _REFERENCE.fullmatch(text)
        if match is None or ".." in text or "--" in match[1] or "//" in (match[2] or ""):
            shown = text.replace("hf:/", "hf://", 1) if not text.startswith("hf://") else text
            raise SettingsError(
                f"{quote(shown[:120])} names no model on the hub; write hf://user/name, or "
                "hf://user/name@revision."
            )
        return cls(match[1], match[2])

    @property
    def name(self) -> str:
        """The name without the user."""
        return self.repository.rpartition("/")[2]

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"hf://{self.repository}{revision}"


def local_folder(path: str | Path) -> Path:
    """Return a model folder on this machine; a model on the hub is downloaded.

    Without a network, files that were downloaded before are used. Raises SettingsError for an
    invalid name, DownloadError if the model cannot be downloaded, MissingPackageError without
    huggingface_hub.
    """
    reference = HubReference.parse(path)
    return Path(path) if reference is None else _fetch(reference)


def local_path(path: Path) -> Path:
    """Return the path beside which files about a model are written.

    It is the model folder, or for a model on the hub its name in the current folder.
    """
    reference = HubReference.parse(path)
    return path if reference is None else Path(reference.name)


def run_name(path: Path) -> str:
    """Return a run as a user names it: on the hub with both slashes."""
    return str(HubReference.parse(path) or path)


def hub_source(folder: Path) -> HubReference | None:
    """Return the model of a folder in the cache; None for other folders."""
    parts = folder.parts[-3:-1]
    if len(parts) < 2 or parts[1] != "snapshots" or parts[0].count("--") != 2:
        return None
    kind, user, name = parts[0].split("--")
    return HubReference(f"{user}/{name}") if kind == "models" else None


def endpoint() -> str | None:
    """Return the address of the hub; None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def _fetch(reference: HubReference) -> Path:
    require_package("huggingface_hub", str(reference), "name a model folder on this machine")
    from huggingface_hub import HfApi

    try:
        try:
            info = HfApi(endpoint=endpoint(), library_name="charloom").model_info(
                reference.repository,
                revision=reference.revision,
                files_metadata=True,
                timeout=_SECONDS,
            )
        except Exception as error:
            if not is_unreachable(error):
                raise
            return _cached(reference, error)
        _check_files(reference, {file.rfilename: file.size for file in info.siblings or ()})
        return _download(reference, info.sha)
    except DownloadError:
        raise
    # A reply of another form than the package expects raises errors of any class.
    except Exception as error:
        raise hub_error(reference, error) from error


def _check_files(reference: HubReference, sizes: Mapping[str, object]) -> None:
    """Raise DownloadError for files that are missing or too large."""
    for name, largest in MAX_BYTES.items():
        size = sizes.get(name)
        if name not in sizes:
            raise DownloadError(
                f"{reference} has no {name}, so it is no model of charloom; name a repository that "
                "charloom push made."
            )
        if not isinstance(size, int) or not 0 <= size <= largest:
            raise DownloadError(
                f"{name} of {reference} has {quote_size(size)}; at most {largest:,} bytes are "
                "downloaded: name another model."
            )


def quote_size(size: object) -> str:
    """Return a number of bytes for a message; the hub may state none."""
    return f"{size:,} bytes" if isinstance(size, int) else "no known size"


def _download(reference: HubReference, commit: str | None) -> Path:
    """Return the folder of a commit in the cache, with its files."""
    from huggingface_hub import hf_hub_download

    if commit is None or not _COMMIT.fullmatch(commit):
        raise ValueError("the hub named no commit")
    folders = set()
    for name, largest in MAX_BYTES.items():
        # The first one under the name of the revision, so that it is found without a network.
        is_first = name == CONFIG
        path = hf_hub_download(
            reference.repository,
            name,
            revision=reference.revision if is_first else commit,
            tqdm_class=_make_counter(reference, name, largest),
            **_places(),
        )
        folders.add(Path(path).parent)
    [folder, *others] = folders
    if others or folder.name != commit:
        raise DownloadError(f"{reference} was changed while it was downloaded; try again.")
    return folder


def _cached(reference: HubReference, cause: Exception) -> Path:
    """Return the folder of files that were downloaded before."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folders = {
            Path(
                hf_hub_download(
                    reference.repository,
                    name,
                    revision=reference.revision,
                    local_files_only=True,
                    **_places(),
                )
            ).parent
            for name in MAX_BYTES
        }
    except LocalEntryNotFoundError:
        raise hub_error(reference, cause) from cause
    return folders.pop()


def _places() -> dict[str, Any]:
    """Return the addresses of hub and cache, where a variable names them."""
    return {"endpoint": endpoint(), "cache_dir": os.environ.get("HF_HUB_CACHE") or None}


def _make_counter(reference: HubReference, name: str, largest: int) -> Any:
    """Return a silent progress bar that stops a download of too many bytes."""
    from tqdm import tqdm

    class Counter(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.bytes = 0
            super().__init__(*arguments, **(options | {"disable": True, "name": None}))

        def update(self, n: float | None = 1) -> bool | None:
            self.bytes += int(n or 0)
            if self.bytes > largest:
                raise DownloadError(
                    f"{name} of {reference} has more than {largest:,} bytes, which is not what the "
                    "hub said; name another model."
                )
            return None

    return Counter
