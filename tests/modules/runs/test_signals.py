import signal
import sys
import threading

import pytest

from charloom.runs.signals import on_sigusr1, raise_sigusr1, stop_on_signal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def test_every_sigusr1_runs_the_action() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    with on_sigusr1(lambda: calls.append("a")):
        signal.raise_signal(signal.SIGUSR1)
        assert raise_sigusr1()
    assert calls == ["a", "a"]
    assert signal.getsignal(signal.SIGUSR1) is before


def test_raise_sigusr1_sends_nothing_without_a_handler() -> None:
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert not raise_sigusr1(), "it would end the process"


def test_the_second_stop_signal_has_its_usual_effect() -> None:
    calls: list[str] = []
    with pytest.raises(KeyboardInterrupt), stop_on_signal(lambda: calls.append("stop")):
        signal.raise_signal(signal.SIGINT)
        assert calls == ["stop"]
        signal.raise_signal(signal.SIGINT)
    assert calls == ["stop"]


def test_other_threads_install_no_handlers() -> None:
    def listen() -> None:
        with on_sigusr1(lambda: None), stop_on_signal(lambda: None):
            handlers.append(signal.getsignal(signal.SIGUSR1))

    handlers: list[object] = []
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert handlers == [signal.SIG_DFL]
