"""The page: whatever stands in texts, labels and names stands in it as text, and nothing runs."""

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import charloom
from charloom.report.files import write_report
from charloom.report.findings import Findings, Samples, analyze
from charloom.report.page import render_comparison_page, render_model_page
from charloom.runs.compare import Result

HOSTILE = "<script>document.title='taken'</script>"
LABELS = ('"><img src=x onerror=alert(1)>', "plain")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that learned from hostile texts under hostile labels."""
    folder = tmp_path_factory.mktemp("report")
    rows = [{"text": f"{HOSTILE} & number {k} </style>", "label": LABELS[k % 2]} for k in range(80)]
    source = folder / "texts.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    charloom.train(
        source,
        output=folder / "a<b>&run",
        columns=("text",),
        label_column="label",
        clean=False,
        steps=5,
        hidden=8,
        device="cpu",
        seed=1,
    )
    return folder / "a<b>&run"


@pytest.fixture(scope="module")
def findings(run: Path) -> Findings:
    return analyze(run, chosen=["</b><script>1</script>", "naïve\ttext"])


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def harmless(reader: Reader) -> bool:
    """Return whether nothing in a page runs or is fetched."""
    tags = {tag for tag, _ in reader.tags}
    handlers = [name for _, own in reader.tags for name in own if name.startswith("on")]
    fetched = [own for tag, own in reader.tags if "src" in own or (tag != "a" and "href" in own)]
    return (
        not tags & {"script", "iframe", "object", "img"}
        and not handlers
        and all(own.get("href") == "data:," for own in fetched)
    )


def test_texts_labels_and_names_stand_as_text(findings: Findings) -> None:
    reader = read(render_model_page(findings))
    assert harmless(reader)
    assert "a<b>&run" in reader.text
    assert LABELS[0] in reader.text
    assert "</b><script>1</script>■" in reader.text
    assert HOSTILE in reader.text.replace("…", "")


def test_the_page_tells_the_figures(findings: Findings) -> None:
    text = read(render_model_page(findings)).text
    assert f"{findings.figures.bits_per_character:.4f}" in text
    assert findings.baselines is not None
    for name in ("unigram", "ngram", "xz", "zstd"):
        assert f"{findings.baselines[name]:.4f}" in text
    assert findings.classification is not None
    assert f"{findings.classification.accuracy:.1%}" in text
    for own in findings.samples:
        for texts in own.texts.values():
            assert all(charloom_text(one) in text for one in texts)
    for row in findings.diversity:
        assert f"{row.distinct[4]:.1%}" in text
    assert findings.provenance["corpus_fingerprint"] in text


def charloom_text(text: str) -> str:
    from charloom.formatting import escape_controls

    return escape_controls(text)


def test_each_symbol_has_its_shade(findings: Findings) -> None:
    cells = [
        own for tag, own in read(render_model_page(findings)).tags if tag == "b" and "title" in own
    ]
    symbols = [pair for text in findings.surprise for pair in text.symbols]
    assert len(cells) == len(symbols)
    for cell, (_, bits) in zip(cells, symbols, strict=True):
        assert cell["title"] == f"{bits:.2f} bits"
        assert (cell["class"] or "").split()[0] == f"h{min(int(bits), 9)}"


def test_without_baselines_and_labels_the_page_says_so(findings: Findings) -> None:
    plain = dataclasses.replace(findings, baselines=None, classification=None)
    text = read(render_model_page(plain)).text
    assert "too long for the others" in text
    assert "6-grams need" not in text
    assert "Which label" not in text


def test_unknown_symbols_are_told(findings: Findings) -> None:
    assert "unknown to the vocabulary" not in read(render_model_page(findings)).text
    many = dataclasses.replace(findings.figures, unknown=findings.figures.symbols // 5)
    text = read(render_model_page(dataclasses.replace(findings, figures=many))).text
    share = many.unknown / many.symbols
    assert share > 0.15
    assert f"{share:.1%} of the symbols are unknown to the vocabulary" in " ".join(text.split())


def test_several_models(findings: Findings) -> None:
    results = [
        Result(
            name=f"{cell}-{k}",
            cell=cell,
            layers=1,
            hidden=8,
            dropout=0.1,
            learning_rate=0.012,
            parameters=1000 * (k + 1),
            validation=2.0 + k / 10,
            test=None,
            gap=0.1,
            training_rate=None if k == 2 else 5000.0 + k,
            writing_rate=9000.0 - k,
            seconds=3.0,
        )
        for k, cell in enumerate(("gru", "lstm", "rnn", "lstm"))
    ]
    curves = {one.name: findings.curves for one in results}
    samples = {results[0].name: Samples(label=None, texts={0.0: (HOSTILE,)})}
    page = render_comparison_page(results, curves, samples, findings)
    reader = read(page)
    assert harmless(reader)
    words = " ".join(reader.text.split())
    assert (
        "Best: GRU with 2.0000 bits per character (gru-0), then LSTM with 2.1000 bits per "
        "character (lstm-1), then RNN with 2.2000 bits per character (rnn-2)." in words
    )
    assert HOSTILE in words
    assert "Circles: LSTM; squares: GRU; triangles: RNN." in words
    assert "Solid: LSTM; dashed: GRU; dotted: RNN." in words
    section = page[page.index('id="frontiers"') : page.index('id="learning"')]
    pictures = [read(picture) for picture in section.split("<svg")[1:]]
    marks = [
        sum("mark" in (own.get("class") or "") for _, own in picture.tags) for picture in pictures
    ]
    assert marks == [4, 3, 4]  # without a rate, a run has no place in one picture


def test_the_same_figures_as_json(run: Path, tmp_path: Path) -> None:
    path, findings = write_report(run, tmp_path / "page", chosen=["<b>"])
    assert path == tmp_path / "page" / "report.html"
    assert sorted(file.name for file in path.parent.iterdir()) == ["report.html", "report.json"]
    figures = json.loads(path.with_name("report.json").read_text("utf-8"))
    assert figures == json.loads(json.dumps(findings.to_json()))
    assert figures["surprise"][0]["given"]
    assert path.read_text("utf-8") == render_model_page(findings)
