from pathlib import Path

import pytest

from charloom.data.source_file import Sources, source_names


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
