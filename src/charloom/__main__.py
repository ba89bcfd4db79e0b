"""Start the command line: ``charloom``, or ``python -m charloom``.

Streams and signals are prepared before the modules of the command line are imported, which takes a
fifth of a second.
"""

import os
import signal
import sys


def main() -> None:
    """Run the command line of this process and exit."""
    _open_closed_streams()
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        # Ctrl-C ends the process at once, without a traceback through half an import.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from charloom.cli import app

    signal.signal(signal.SIGINT, handler)
    app.main()


def _open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed, as for a service.

    A file opened later would get its number and receive what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            flags = os.O_RDONLY if mode == "r" else os.O_WRONLY
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
