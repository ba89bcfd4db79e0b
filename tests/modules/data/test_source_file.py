"""The names of sources, and the message for a file that the system refuses to read."""

from pathlib import Path

import pytest

from charloom.data.source_file import Sources, source_names, unreadable_error


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        ("a.txt", ("a.txt",)),
        (Path("a.txt"), ("a.txt",)),
        ("-", ("-",)),
        (["a.txt", Path("b") / "c.txt"], ("a.txt", str(Path("b") / "c.txt"))),
        (("facts",), ("facts",)),
        ([], ()),
    ],
)
def test_one_source_and_several_become_names(sources: Sources, names: tuple[str, ...]) -> None:
    assert source_names(sources) == names


def test_the_reason_of_the_system_is_given() -> None:
    error = unreadable_error("a\udcff", PermissionError(13, "Permission denied"))
    assert str(error) == (
        "a\ufffd cannot be read: Permission denied; a file or folder that this user may read is "
        "needed; check its name and its permissions."
    )
