"""The error of an example that does not run or whose record is wrong."""


class ExampleError(Exception):
    """An example failed; the message has its page, line, command and output."""
