"""Listeners are notified before code is compiled, at most once."""

from charloom.jit.notice import EACH_TIME, FIRST_TIME, announce, on_compilation


def test_the_notices_say_how_long_and_how_often() -> None:
    assert FIRST_TIME == (
        "code is compiled for this machine, the first time only: about ten seconds."
    )
    assert EACH_TIME == (
        "code is compiled each time, about ten seconds, since no folder that can be written was "
        "found to keep it: set CHARLOOM_CACHE to one."
    )


def test_a_listener_is_called_once() -> None:
    notices: list[str] = []
    with on_compilation(notices.append):
        assert notices == []
        announce(FIRST_TIME)
        announce(FIRST_TIME)
    announce(FIRST_TIME)
    assert notices == [FIRST_TIME]


def test_the_inner_listener_applies() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with on_compilation(outer.append):
        with on_compilation(inner.append):
            announce(FIRST_TIME)
        assert (outer, inner) == ([], [FIRST_TIME])
        announce(FIRST_TIME)
    assert (outer, inner) == ([FIRST_TIME], [FIRST_TIME])


def test_an_outermost_listener_does_not_replace_one_that_is_there() -> None:
    user: list[str] = []
    view: list[str] = []
    with on_compilation(user.append), on_compilation(view.append, outermost=True):
        announce(FIRST_TIME)
    with on_compilation(view.append, outermost=True):
        announce(EACH_TIME)
    assert (user, view) == ([FIRST_TIME], [EACH_TIME])


def test_without_a_listener_nothing_happens() -> None:
    announce(FIRST_TIME)
