"""Who is notified before code is compiled, and how often."""

from charloom.jit.notice import NOTICE, announce, on_compilation


def test_the_notice_says_how_long_and_how_often() -> None:
    assert NOTICE == "code is compiled for this machine, the first time only: about ten seconds."


def test_a_listener_is_called_once() -> None:
    notices: list[str] = []
    with on_compilation(notices.append):
        assert notices == []
        announce()
        announce()
    announce()
    assert notices == [NOTICE]


def test_the_inner_listener_applies() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with on_compilation(outer.append):
        with on_compilation(inner.append):
            announce()
        assert (outer, inner) == ([], [NOTICE])
        announce()
    assert (outer, inner) == ([NOTICE], [NOTICE])


def test_without_a_listener_nothing_happens() -> None:
    announce()
