"""Text in terminal columns: its width, and padding to a width."""


def display_width(text: str) -> int:
    """Return the number of terminal columns of ``text``.

    Wide characters and emoji sequences have two columns, combining marks and control characters
    none.
    """
    # The import takes two milliseconds, which commands without tables need not spend.
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Pad ``text`` with spaces to ``columns`` columns; ``right`` aligns it right."""
    spaces = " " * (columns - display_width(text))
    return spaces + text if right else text + spaces
