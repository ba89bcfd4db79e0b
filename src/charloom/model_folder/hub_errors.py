"""Errors of huggingface_hub as one line each."""

from typing import Final

from charloom.errors import CharloomError, DownloadError
from charloom.formatting import quote

_LOGIN: Final = "log in with: hf auth login, or set HF_TOKEN"
_MAX_SHOWN: Final = 120


def is_unreachable(error: Exception) -> bool:
    """Return whether the hub could not be reached, as without a network, or is broken."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError | OfflineModeIsEnabled)


def hub_error(target: object, error: Exception) -> CharloomError:
    """Return the error for a model on the hub, such as ``hf://user/name``.

    ``error`` is any error of huggingface_hub or of the system.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, CharloomError):
        return error
    if isinstance(error, GatedRepoError):
        advice = f"is gated: accept its terms on its page, and {_LOGIN}."
    elif isinstance(error, RepositoryNotFoundError):
        advice = f"is not on the hub, or is private; check the name, or {_LOGIN}."
    elif isinstance(error, RevisionNotFoundError):
        advice = "is a revision that the hub does not have; leave it out, or name another."
    elif isinstance(error, LocalTokenNotFoundError):
        advice = f"needs an account on the hub; {_LOGIN}."
    elif isinstance(error, OfflineModeIsEnabled):
        advice = (
            "is not in the cache, and HF_HUB_OFFLINE forbids the network; unset that, or name a "
            "model folder."
        )
    elif isinstance(error, HfHubHTTPError):
        advice = _answer(error.response.status_code)
    elif is_unreachable(error):
        advice = (
            f"cannot be reached ({_reason(error)}); connect to the network and try again, or name "
            "a model folder."
        )
    elif isinstance(error, OSError):
        advice = f"cannot be downloaded ({_reason(error)}); free some space, or set HF_HUB_CACHE."
    else:
        advice = f"got an answer that is no hub's ({_reason(error)}); check HF_ENDPOINT."
    return DownloadError(f"{target} {advice}")


def _answer(status: int) -> str:
    if status in (401, 403):
        return f"is not open to you (HTTP {status}); {_LOGIN} of an account that may use it."
    if status == 429:
        return "was asked for too often (HTTP 429); wait a few minutes, and try again."
    return f"cannot be used: the hub answered HTTP {status}; try again later."


def _reason(error: Exception) -> str:
    """Return the first line of an error's text, or its class."""
    text = (getattr(error, "strerror", None) or str(error)).strip().split("\n")[0]
    return quote(text[:_MAX_SHOWN])[1:-1] or type(error).__name__
