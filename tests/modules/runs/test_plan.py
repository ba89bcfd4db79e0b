import datetime
import platform
from importlib import metadata
from pathlib import Path

from charloom.data.corpus import Corpus
from charloom.runs.build import read_corpus
from charloom.runs.plan import Plan, provenance
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings


def make_plan(corpus: Corpus, sources: tuple[str, ...]) -> Plan:
    return Plan(
        text=TextSettings(),
        network=NetworkSettings(),
        training=TrainingSettings(),
        corpus=corpus,
        layers=(("embedding", 10), ("output", 30)),
        device="cpu",
        precision="fp32",
        output=None,
        sources=sources,
        threads=2,
        processes=3,
    )


def test_the_provenance_names_texts_software_machine_and_outcome(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(f"line {k} of a story" for k in range(40)), "utf-8")
    corpus = read_corpus([str(path)], TextSettings(), None, seed=0)
    plan = make_plan(corpus, ("a.txt", "b\udcff.txt"))
    result = provenance(plan, None)
    date = datetime.datetime.fromisoformat(result.pop("date"))
    assert abs(date - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=1)
    texts = [
        corpus.vocabulary.decode(corpus.training.document(k)) for k in range(len(corpus.training))
    ]
    assert result == {
        "sources": ["a.txt", "b\ufffd.txt"],
        "validation": None,
        "corpus_fingerprint": corpus.fingerprint,
        "training_documents": len(texts),
        "training_characters": sum(len(text) + 1 for text in texts),
        "charloom": metadata.version("charloom"),
        "numpy": metadata.version("numpy"),
        "numba": metadata.version("numba"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processes": 3,
        "device": "cpu",
        "precision": "fp32",
        "parameters": 40,
        "reading": dict(corpus.reading),
        "notes": list(corpus.notes),
    }
    assert provenance(plan, "v\udc80.txt")["validation"] == "v\ufffd.txt"
