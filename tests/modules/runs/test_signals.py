import signal
import sys
import threading

import pytest

from charloom.runs.signals import on_sigusr1, raise_sigusr1, stop_on_signal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


def test_sigusr1_runs_every_action() -> None:
    seen: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    requests = [lambda: seen.append("a")]
    with on_sigusr1(requests):
        signal.raise_signal(signal.SIGUSR1)
        requests.append(lambda: seen.append("b"))
        assert raise_sigusr1()
    assert seen == ["a", "a", "b"]
    assert signal.getsignal(signal.SIGUSR1) is before


def test_raise_sigusr1_sends_nothing_without_a_handler() -> None:
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert not raise_sigusr1(), "it would end the process"


def test_other_threads_install_no_handlers() -> None:
    def listen() -> None:
        with on_sigusr1([]), stop_on_signal(lambda: None):
            handlers.append(signal.getsignal(signal.SIGUSR1))

    handlers: list[object] = []
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert handlers == [signal.SIG_DFL]
