from pathlib import Path

from charloom.data.source_file import SourceFile
from charloom.runs.request import TrainRequest


def test_texts_in_memory_take_the_place_of_sources() -> None:
    spooled = SourceFile(path=Path("texts.jsonl"), name="texts", format="jsonl")
    named = TrainRequest(sources=("a.txt",), options={}, validation="b.txt")
    assert named.training_sources == ("a.txt",)
    assert (named.validation_source(None), named.validation_source("c.txt")) == ("b.txt", "b.txt")
    given = TrainRequest(sources=(), options={}, texts=spooled, validation_texts=spooled)
    assert given.training_sources == (spooled,)
    assert given.validation_source("c.txt") == spooled
    assert TrainRequest(sources=(), options={}).validation_source("c.txt") == "c.txt"
