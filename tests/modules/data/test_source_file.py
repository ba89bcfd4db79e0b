"""The message for a file that the system refuses to read."""

from charloom.data.source_file import unreadable_error


def test_the_reason_of_the_system_is_given() -> None:
    error = unreadable_error("a\udcff", PermissionError(13, "Permission denied"))
    assert str(error) == (
        "a\ufffd cannot be read: Permission denied; a file or folder that this user may read is "
        "needed; check its name and its permissions."
    )
