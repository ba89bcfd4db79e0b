"""Publish a model on Hugging Face's hub."""

import dataclasses
from collections.abc import Callable

from charloom.errors import SettingsError
from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.hf_export import prepare_hf
from charloom.exchange.written_export import PreparedExport
from charloom.extras import require_package
from charloom.formatting import quote
from charloom.model_folder.hub import HubReference, endpoint
from charloom.model_folder.hub_errors import hub_error
from charloom.records import Record

_MESSAGE = "Upload a model of charloom"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedModel(Record):
    """A model on the hub."""

    name: str
    """The name by which charloom loads it, such as ``hf://user/name``."""
    url: str
    commit: str
    """The commit that holds the files."""
    bytes: int
    discloses: tuple[str, ...]
    """The parts of the model that a reader of the repository gets."""


def push_model(
    model: ModelParts,
    target: str,
    *,
    license: str | None = None,
    language: str | None = None,
    private: bool = False,
    force: bool = False,
    on_prepared: Callable[[PreparedExport], None] = lambda prepared: None,
) -> PublishedModel:
    """Upload the files of ``--to hf`` in one commit.

    The repository is made if it is missing, and other files in it stay. ``target`` is "user/name",
    and may begin with "hf://". ``on_prepared`` gets the files before anything is sent.

    Raises SettingsError for an invalid name or invalid options, DownloadError if the hub refuses or
    cannot be reached, MissingPackageError without huggingface_hub.
    """
    reference = parse_target(target)
    require_package("huggingface_hub", "push", "use charloom export --to hf")
    prepared = prepare_hf(
        model, license=license, language=language, force=force, repository=reference.repository
    )
    on_prepared(prepared)
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=endpoint(), library_name="charloom")
    try:
        # Without a token the hub's answer would be about the repository and not about the account.
        api.whoami()
        api.create_repo(reference.repository, private=private or None, exist_ok=True)
        commit = api.create_commit(
            reference.repository,
            [
                CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
                for name, content in prepared.files.items()
            ],
            commit_message=_MESSAGE,
        )
    except Exception as error:  # of the hub, the network or the system
        raise hub_error(reference, error) from error
    return PublishedModel(
        name=str(reference),
        url=str(commit.repo_url),
        commit=commit.oid,
        bytes=prepared.size,
        discloses=prepared.discloses,
    )


def parse_target(target: str) -> HubReference:
    """Return the repository to publish in; raises SettingsError for another name."""
    text = target if target.startswith("hf:") else f"hf://{target}"
    try:
        reference = HubReference.parse(text)
    except SettingsError:
        reference = None
    if reference is None or reference.revision is not None:
        raise SettingsError(
            f"the repository is {quote(target[:120])}; name it as user/name."
        ) from None
    return reference
