"""Listeners of others: one that raises ends the run, and nothing of the run is lost."""

from collections.abc import Callable

from charloom.events import Event, Listener


class Guard:
    """Calls listeners; after an error of one, that one hears no more and ``stop`` is called.

    An interruption is no error of a listener: it passes.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._errors: list[Exception] = []

    def around(self, listener: Listener) -> Listener:
        """Return a listener that passes events on until ``listener`` raises."""
        heard = True

        def listen(event: Event) -> None:
            nonlocal heard
            if not heard:
                return
            try:
                listener(event)
            except Exception as error:
                heard = False
                self._errors.append(error)
                self._stop()

        return listen

    def raise_first(self) -> None:
        """Raise the first error of a listener, as it was; nothing happens without one."""
        if self._errors:
            raise self._errors[0]
