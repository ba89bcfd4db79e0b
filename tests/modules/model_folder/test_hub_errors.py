import errno

import pytest

from charloom.errors import DownloadError, SettingsError
from charloom.model_folder.hub_errors import hub_error, is_unreachable

pytestmark = pytest.mark.needs("huggingface_hub")


def http_error(status: int) -> Exception:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    request = httpx2.Request("GET", "http://localhost")
    return HfHubHTTPError("long\ntext", response=httpx2.Response(status, request=request))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            403,
            "x is not open to you (HTTP 403); log in with: hf auth login, or set HF_TOKEN of an "
            "account that may use it.",
        ),
        (
            429,
            "x was asked for too often (HTTP 429); wait a few minutes, and try again.",
        ),
        (418, "x cannot be used: the hub answered HTTP 418; try again later."),
    ],
)
def test_answers_of_the_hub(status: int, message: str) -> None:
    error = hub_error("x", http_error(status))
    assert isinstance(error, DownloadError)
    assert str(error) == message


def test_errors_of_the_machine_and_of_packages() -> None:
    from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

    full = OSError(errno.ENOSPC, "No space left on device")
    assert str(hub_error("x", full)) == (
        "x cannot be downloaded (No space left on device); free some space, or set HF_HUB_CACHE."
    )
    assert str(hub_error("x", OfflineModeIsEnabled("off"))) == (
        "x is not in the cache, and HF_HUB_OFFLINE forbids the network; unset that, or name a "
        "model folder."
    )
    assert str(hub_error("x", LocalTokenNotFoundError("none"))) == (
        "x needs an account on the hub; log in with: hf auth login, or set HF_TOKEN."
    )
    assert str(hub_error("x", KeyError())) == (
        "x got an answer that is no hub's (KeyError); check HF_ENDPOINT."
    )
    own = SettingsError("own")
    assert hub_error("x", own) is own


def test_errors_after_which_the_cache_is_used() -> None:
    import httpx2

    assert is_unreachable(httpx2.ConnectError("refused"))
    assert is_unreachable(httpx2.ReadTimeout("slow"))
    assert is_unreachable(http_error(500))
    assert not is_unreachable(http_error(404))
    assert not is_unreachable(ValueError())
