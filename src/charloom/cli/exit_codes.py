"""Exit codes of the command line, besides 0 and those of signals."""

USER_ERROR = 2
"""The user's mistake, with one line on standard error."""
INTERRUPTED = 130
"""Ctrl-C, or a run that was stopped with everything saved."""
