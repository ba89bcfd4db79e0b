"""The pages as a browser parses them: hostile texts are text, and nothing is run or fetched."""

import dataclasses
from html.parser import HTMLParser

from hostile import LABELS, TEXT

from charloom.evaluation.run_result import RunResult
from charloom.formatting import escape_controls
from charloom.report.findings import Findings, Samples
from charloom.report.page import render_comparison_page, render_model_page


class Reader(HTMLParser):
    """Collects the elements of a page and the text between them."""

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


def parse(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def harmless(reader: Reader) -> bool:
    """Return whether a page runs no script and loads nothing."""
    tags = {tag for tag, _ in reader.tags}
    attributes = [attributes for _, attributes in reader.tags]
    handlers = [name for names in attributes for name in names if name.startswith("on")]
    loaded = [
        names for tag, names in reader.tags if "src" in names or (tag != "a" and "href" in names)
    ]
    return (
        not tags & {"script", "iframe", "object", "img"}
        and not handlers
        and all(names.get("href") == "data:," for names in loaded)
    )


def test_texts_labels_and_names_are_escaped(findings: Findings) -> None:
    reader = parse(render_model_page(findings))
    assert harmless(reader)
    assert "a<b>&run" in reader.text
    assert LABELS[0] in reader.text
    assert "</b><script>1</script>■" in reader.text
    assert TEXT in reader.text.replace("…", "")


def test_page_has_the_figures_of_the_findings(findings: Findings) -> None:
    text = parse(render_model_page(findings)).text
    assert f"{findings.evaluation.bits_per_character:.4f}" in text
    assert findings.baselines is not None
    for name in ("unigram", "ngram", "xz", "zstd"):
        assert f"{findings.baselines[name]:.4f}" in text
    assert findings.classification is not None
    assert f"{findings.classification.accuracy:.1%}" in text
    for samples in findings.samples:
        for texts in samples.texts.values():
            assert all(escape_controls(sample) in text for sample in texts)
    for row in findings.diversity:
        assert f"{row.distinct['4']:.1%}" in text
    assert findings.provenance["corpus_fingerprint"] in text


def test_shade_of_each_symbol_is_its_surprise_in_whole_bits(findings: Findings) -> None:
    cells = [
        own for tag, own in parse(render_model_page(findings)).tags if tag == "b" and "title" in own
    ]
    symbols = [pair for text in findings.surprise for pair in text.symbols]
    assert len(cells) == len(symbols)
    for cell, (_, bits) in zip(cells, symbols, strict=True):
        assert cell["title"] == f"{bits:.2f} bits"
        assert (cell["class"] or "").split()[0] == f"h{min(int(bits), 9)}"


def test_page_without_baselines_and_label_prediction(findings: Findings) -> None:
    plain = dataclasses.replace(findings, baselines=None, classification=None)
    text = parse(render_model_page(plain)).text
    assert "There are no baselines" in text
    assert "6-gram model" not in text
    assert "Label prediction" not in text


def test_many_unknown_symbols_are_pointed_out(findings: Findings) -> None:
    assert "unknown to the vocabulary" not in parse(render_model_page(findings)).text
    many = dataclasses.replace(findings.evaluation, unknown=findings.evaluation.symbols // 5)
    text = parse(render_model_page(dataclasses.replace(findings, evaluation=many))).text
    fraction = many.unknown / many.symbols
    assert fraction > 0.15
    assert f"{fraction:.1%} of the symbols are unknown to the vocabulary" in " ".join(text.split())


def test_comparison_lists_the_best_run_of_each_cell_and_legends(findings: Findings) -> None:
    results = [
        RunResult(
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
    curves = {run.name: findings.curves for run in results}
    samples = {results[0].name: Samples(label=None, texts={0.0: (TEXT,)})}
    page = render_comparison_page(results, curves, samples, findings)
    reader = parse(page)
    assert harmless(reader)
    words = " ".join(reader.text.split())
    assert (
        "Best: GRU with 2.0000 bits per character (gru-0), then LSTM with 2.1000 bits per "
        "character (lstm-1), then RNN with 2.2000 bits per character (rnn-2)." in words
    )
    assert TEXT in words
    assert "Circles: LSTM; squares: GRU; triangles: RNN." in words
    assert "Solid: LSTM; dashed: GRU; dotted: RNN." in words
    section = page[page.index('id="frontiers"') : page.index('id="learning"')]
    charts = [parse(chart) for chart in section.split("<svg")[1:]]
    marks = [
        sum("mark" in (names.get("class") or "") for _, names in chart.tags) for chart in charts
    ]
    assert marks == [4, 3, 4]  # one run has no training speed
