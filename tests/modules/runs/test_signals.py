import signal
import sys
import threading

import pytest

from charloom.runs.signals import ask_for_a_report, interruptible, reporting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


def test_every_report_that_is_asked_for_reaches_all() -> None:
    seen: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    requests = [lambda: seen.append("a")]
    with reporting(requests):
        signal.raise_signal(signal.SIGUSR1)
        requests.append(lambda: seen.append("b"))
        assert ask_for_a_report()
    assert seen == ["a", "a", "b"]
    assert signal.getsignal(signal.SIGUSR1) is before


def test_nothing_is_sent_where_nobody_listens() -> None:
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert not ask_for_a_report(), "it would end the process"


def test_other_threads_do_not_listen() -> None:
    def listen() -> None:
        with reporting([]), interruptible(lambda: None):
            handlers.append(signal.getsignal(signal.SIGUSR1))

    handlers: list[object] = []
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert handlers == [signal.SIG_DFL]
