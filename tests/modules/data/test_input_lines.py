"""Lines to score: their place, the text as given, blank lines and faults."""

from hypothesis import given
from hypothesis import strategies as st

from charloom.data.input_lines import read_input_lines
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.settings import TextSettings
from charloom.text.cleaning import clean_document

LINES = st.lists(st.text("ab \t&;<>\u0301\ud83d", max_size=6), min_size=1)


@given(LINES)
def test_each_line_has_its_number_and_both_texts(tmp_path_factory, lines: list[str]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_text("\n".join(lines) + "\n", "utf-8", "surrogatepass", newline="")
    settings = TextSettings(errors="replace")
    file = SourceFile(path=path, name="X")
    found = [x for batch in read_input_lines([file], settings, ReadingNotes()) for x in batch]
    assert [x.number for x in found] == list(range(1, len(lines) + 1))
    for line, given_line in zip(found, lines, strict=True):
        if "\ud83d" not in given_line:
            assert line.given == given_line
        assert line.text == clean_document(line.given, settings)
        assert line.source == "X"
