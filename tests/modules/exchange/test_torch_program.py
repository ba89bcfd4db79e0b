import ast

import pytest
from networks import NETWORKS, make_vocabulary, network_id
from records import record

from charloom.exchange.torch_program import program
from charloom.settings import NetworkSettings
from charloom.text.symbols import BYTES


@pytest.mark.parametrize("labels", [(), ("x", "y")])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_programs_are_python_in_one_style(
    settings: NetworkSettings, labels: tuple[str, ...]
) -> None:
    text = program(record(labels, network=settings), "facts")
    ast.parse(text)
    assert "\n\n\n\n" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert "charloom" not in text


def test_hostile_names_stay_in_the_docstring() -> None:
    text = program(record(), '"""\nimport os  # \\')
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    assert "os" not in {alias.name for node in imported for alias in node.names}


def test_levels_encode_in_their_own_way() -> None:
    assert "for symbol in text]" in program(record(), "facts")
    as_bytes = record(vocabulary=make_vocabulary(BYTES, "byte"))
    assert "text.encode()" in program(as_bytes, "facts")
    words = record(vocabulary=make_vocabulary(["a", " b"], "word"))
    assert "of the longest known symbols" in program(words, "facts")
