from pathlib import Path

import pytest
from records import folder, record

from charloom.errors import OutputError, SettingsError
from charloom.evaluation.model_parts import Text
from charloom.exchange.export import check_format
from charloom.exchange.written_export import PreparedExport
from charloom.model import Model


@pytest.fixture
def model() -> Model:
    return Model(record(("x", "y")))


def test_the_export_is_a_path_and_a_record(model: Model, tmp_path: Path) -> None:
    written = model.export(tmp_path / "facts.html")
    assert Path(written) == tmp_path / "facts.html"
    assert written.bytes == (tmp_path / "facts.html").stat().st_size
    assert written.format == "html"


def test_the_cost_of_rounding_is_measured_on_given_texts(model: Model, tmp_path: Path) -> None:
    texts: list[Text] = [("abc", "x"), "bag"]
    written = model.export(tmp_path / "facts.html", dtype="int8", texts=texts)
    assert written.figures["rounding"]["before"] == model.evaluate(texts).bits_per_character
    assert not written.figures["rounding"]["own_texts"]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_the_folder_of_the_rounded_model(dtype: str, model: Model, tmp_path: Path) -> None:
    model.export(tmp_path / "facts.html", dtype=dtype, rounded=tmp_path / "rounded")
    saved = Model.load(tmp_path / "rounded")
    again = saved.export(tmp_path / "again.html")
    first = model.export(tmp_path / "facts.html", dtype=dtype, force=True)
    assert again.figures["weights_digest"] == first.figures["weights_digest"]


def test_nothing_is_written_if_the_folder_is_there(model: Model, tmp_path: Path) -> None:
    there = folder(tmp_path / "rounded")
    with pytest.raises(OutputError, match="already holds a model"):
        model.export(tmp_path / "facts.html", dtype="int8", rounded=there)
    assert not (tmp_path / "facts.html").exists()


@pytest.mark.parametrize(
    ("options", "name"), [({"texts": ["a"]}, "--valid"), ({"rounded": "r"}, "--save-rounded")]
)
def test_options_of_rounding_need_a_type(
    options: dict[str, object], name: str, model: Model, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as error:
        model.export(tmp_path / "facts.html", **options)  # type: ignore[arg-type]
    assert str(error.value) == (
        f"{name} was given with weights that are not rounded; add --dtype float16 or --dtype int8, "
        "or leave it out."
    )


def test_formats_are_known_by_name() -> None:
    assert check_format("html") == "html"
    with pytest.raises(SettingsError) as error:
        check_format("htm")
    assert str(error.value) == 'the format is "htm"; it must be html, keras; did you mean html?'
    with pytest.raises(SettingsError) as error:
        check_format("gguf")
    assert str(error.value) == 'the format is "gguf"; it must be html, keras.'


def test_a_large_model_needs_force(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PreparedExport, "size", 70_000_000)
    with pytest.raises(SettingsError) as error:
        model.export(tmp_path / "facts.html")
    assert str(error.value) == (
        "the export would have 70 MB, more than 64 MB; choose --dtype float16 or int8, or write it "
        "all the same with --force."
    )
    assert not list(tmp_path.iterdir())
    model.export(tmp_path / "facts.html", force=True)
