"""Checkers in the library and in all commands: one verdict everywhere, nothing half written.

Texts of the training set are strings of brackets; a checker accepts those that are balanced.
"""

import json
import random
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Charloom

import charloom as library
from charloom.errors import CheckerError, SettingsError
from charloom.events import Event, Validation

PROGRAM = """
import sys
for line in sys.stdin:
    depth = 0
    for character in line.strip():
        depth += 1 if character == "(" else -1
        if depth < 0:
            break
    print(int(depth == 0))
"""
SMALL: dict[str, Any] = {"hidden": 12, "input": 4, "precision": "fp32", "seed": 3}


def is_balanced(text: str) -> bool:
    depths = [text[:k].count("(") - text[:k].count(")") for k in range(len(text) + 1)]
    return depths[-1] == 0 and min(depths) >= 0


def brackets(depth: int, randomness: random.Random) -> str:
    count = randomness.randint(1, 2) if depth else 0
    return "".join(f"({brackets(depth - 1, randomness)})" for _ in range(count))


TEXTS = [brackets(3, random.Random(seed)) for seed in range(300)]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("checker") / "check.py"
    path.write_text(PROGRAM, "utf-8")
    return shlex.join([sys.executable, str(path)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "brackets.txt").write_text("\n".join(TEXTS), "utf-8")
    library.train(folder / "brackets.txt", output=folder / "run", steps=40, **SMALL)
    return folder / "run"


def train(checker: Any, **options: Any) -> tuple[list[float], list[bool], library.Model]:
    """Return the accepted shares, which validations were the best, and the model."""
    validations: list[Validation] = []

    def listen(event: Event) -> None:
        if isinstance(event, Validation):
            validations.append(event)

    options = {"epochs": 12, "checked_texts": 50, **SMALL, **options}
    model = library.train(texts=TEXTS, checker=checker, listeners=[listen], **options)
    shares = [event.accepted for event in validations]
    assert None not in shares
    return [share or 0.0 for share in shares], [event.best for event in validations], model


def test_a_command_and_a_function_give_the_same_shares_and_the_same_weights(command: str) -> None:
    by_command = train(command)
    by_function = train(is_balanced)
    assert by_command[:2] == by_function[:2]
    assert len(set(by_command[0])) > 2
    without = library.train(texts=TEXTS, epochs=12, **SMALL)
    for name, tensor in without.record.tensors.items():
        assert (by_command[2].record.tensors[name] == tensor).all(), name


def test_acceptance_chooses_the_weights_that_are_kept() -> None:
    shares, best, model = train(is_balanced, keep_best="accepted")
    kept = max(index for index, is_best in enumerate(best) if is_best)
    assert shares[kept] == max(shares)
    assert model.record.metrics["accepted"] == max(shares)
    losses, best_loss, other = train(is_balanced)
    assert losses == shares
    assert best_loss != best, "the lowest loss and the largest share differ on this corpus"
    assert other.record.metrics["bits_per_character"] < model.record.metrics["bits_per_character"]


def test_a_resumed_run_keeps_the_same_weights(command: str, tmp_path: Path) -> None:
    source = tmp_path / "brackets.txt"
    source.write_text("\n".join(TEXTS), "utf-8")
    options = {"epochs": 12, "keep_best": "accepted", "checked_texts": 50, **SMALL}
    whole = library.train(source, checker=command, **options)

    def stop(event: Event) -> None:
        if event.step == 15:
            raise KeyError("stop")

    folder = tmp_path / "run"
    with pytest.raises(KeyError):
        library.train(source, checker=command, output=folder, listeners=[stop], **options)
    with pytest.raises(SettingsError) as caught:
        library.train(source, output=folder, resume=True)
    assert str(caught.value) == (
        "keep-best is accepted, which needs a checker; give --checker, also when a run is resumed "
        "or extended, since no model folder holds it."
    )
    assert command not in (folder / "checkpoint/state.json").read_text("utf-8")
    resumed = library.train(source, checker=is_balanced, output=folder, resume=True)
    assert command not in (folder / "config.json").read_text("utf-8")
    assert resumed.record.metrics["step"] == whole.record.metrics["step"]
    for name, tensor in whole.record.tensors.items():
        assert (resumed.record.tensors[name] == tensor).all(), name


def test_texts_to_check_without_a_checker_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        library.train(texts=TEXTS, checked_texts=7)
    assert str(caught.value) == ("checked-texts was given without a checker; give --checker too.")


def test_a_checker_that_fails_at_first_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CheckerError):
        library.train(texts=TEXTS, checker="false", output=tmp_path / "run", steps=5, **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_checker_that_fails_later_leaves_a_run_that_can_be_resumed(
    charloom: Charloom, command: str, tmp_path: Path
) -> None:
    source, count = tmp_path / "brackets.txt", tmp_path / "count"
    source.write_text("\n".join(TEXTS), "utf-8")
    code = f"import sys; open({str(count)!r}, 'a').write('x')\n"
    code += f"if len(open({str(count)!r}).read()) > 3: sys.exit(7)\n"
    failing = shlex.join([sys.executable, "-c", code + PROGRAM])
    options = ("--epochs", 6, "--hidden", 12, "--checkpoint-seconds", 0, "-o", tmp_path / "run")
    done = charloom("train", source, *options, "--checker", failing)
    assert done.code == 2
    assert done.err.splitlines()[-1].endswith(f"; earlier weights are saved in {tmp_path / 'run'}.")
    assert library.load(tmp_path / "run").record.metrics["accepted"] >= 0
    done = charloom("train", source, "--resume", "-o", tmp_path / "run", "--checker", command)
    assert done.code == 0
    assert library.load(tmp_path / "run").record.metrics["epoch"] <= 6


def test_diversity_reports_accepted_unique_and_novel_texts(
    charloom: Charloom, command: str, run: Path
) -> None:
    sampling = ("-n", 30, "--length", 40)
    [rows] = charloom("diversity", run, *sampling, "--checker", command, "--json").records
    header, *lines = charloom("diversity", run, *sampling, "--checker", command).out.splitlines()
    assert header.split()[-3:] == ["accepted", "unique", "novel"]
    documents = set(TEXTS)
    for row, line in zip(rows[:-1], lines, strict=False):
        texts = library.load(run).generate(n=30, length=40, temperature=row["temperature"])
        accepted = [text for text in texts if is_balanced(text)]
        assert row["accepted"] == len(accepted) / 30
        if accepted:
            assert row["unique"] == len(set(accepted)) / len(accepted)
            assert f"{row['accepted']:.1%}" in line.split()
            # Held-out texts are no training documents.
            assert row["novel"] >= len(set(accepted) - documents) / len(set(accepted))
    assert rows[-1]["accepted"] == 1


def test_a_report_has_the_three_columns(
    charloom: Charloom, command: str, run: Path, tmp_path: Path
) -> None:
    assert charloom("report", run, "-o", tmp_path, "--checker", command).code == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert '<th class="number">accepted</th>' in page
    rows = json.loads((tmp_path / "report.json").read_text("utf-8"))["diversity"]
    for row in rows:
        assert f"{row['accepted']:.1%}" in page
    assert charloom("report", run, "-o", tmp_path).code == 0
    assert ">accepted<" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_comparison_has_a_column_of_accepted_texts(
    charloom: Charloom, command: str, tmp_path: Path
) -> None:
    source = tmp_path / "brackets.txt"
    source.write_text("\n".join(TEXTS), "utf-8")
    options = ("--cell", "rnn,gru", "--hidden", 8, "--steps", 3, "-o", tmp_path / "c")
    done = charloom("compare", source, *options, "--checker", command)
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert header.split()[-1] == "accepted"
    [records] = charloom("compare", source, *options, "--checker", command, "--json").records
    assert [f"{one['accepted']:.1%}" for one in records] == [row.split()[-1] for row in rows]
    assert ">accepted<" in (tmp_path / "c/report.html").read_text("utf-8")


def test_only_accepted_texts_are_generated(charloom: Charloom, command: str, run: Path) -> None:
    sampling = ("-n", 40, "--length", 40, "--seed", 5)
    all_texts = library.load(run).generate(n=800, length=40, seed=5)
    expected = [text for text in all_texts if is_balanced(text)][:40]
    done = charloom("generate", run, *sampling, "--accepted-only", "--checker", command)
    assert (done.code, done.out.split("\n")[:-1]) == (0, expected)
    last = [k for k, text in enumerate(all_texts) if is_balanced(text)][39]
    rejected = last + 1 - 40
    assert done.err == (
        f"charloom: tried {last + 1} texts: {rejected} not accepted "
        f"({100 * rejected / (last + 1):.1f} %).\n"
    )


def test_texts_are_marked_without_that(charloom: Charloom, command: str, run: Path) -> None:
    sampling = ("-n", 1100, "--length", 20, "--seed", 5)
    done = charloom("generate", run, *sampling, "--format", "jsonl", "--checker", command)
    texts = [record["text"] for record in done.records]
    assert texts == library.load(run).generate(n=1100, length=20, seed=5)
    verdicts = [record["accepted"] for record in done.records]
    assert verdicts == [is_balanced(text) for text in texts]
    share = f"{sum(verdicts)} of 1,100 texts ({100 * sum(verdicts) / 1100:.1f} %)"
    assert done.err == f"charloom: the checker accepts {share}.\n"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--accepted-only",),
            "accepted-only was given without a checker; give --checker too.",
        ),
        (
            ("--checker", "cat", "--stream"),
            "--stream and --checker contradict each other; give one of them.",
        ),
        (
            ("--checker", "cat", "--interactive"),
            "--interactive and --checker contradict each other; give one of them.",
        ),
        (
            ("--accepted-only", "--checker", "sed s/.*/0/", "-n", 2, "--tries", 3, "--seed", 1),
            "only 0 of 2 texts were found among 6 generated: 6 not accepted; raise the temperature "
            "or tries, or ask for fewer.",
        ),
    ],
)
def test_wrong_options_are_refused(
    charloom: Charloom, run: Path, options: tuple[Any, ...], line: str
) -> None:
    done = charloom("generate", run, *options)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {line}\n")
