from pathlib import Path

from command_line import Charloom

from charloom.model import Model

TEMPERATURES = (0.3, 0.8, 1.0, 1.3, 1.8)


def test_a_block_a_prompt_and_a_line_a_temperature(charloom: Charloom, model: Path) -> None:
    done = charloom("temperatures", model, "bad ", "face", "--seed", 4, "--length", 20)
    loaded = Model.load(model)
    blocks = [
        f'temperature   "{prompt}"\n'
        + "".join(
            f"        {t:.1f}   {loaded.generate(prompt, temperature=t, seed=4, length=20)[0]}\n"
            for t in TEMPERATURES
        )
        for prompt in ("bad ", "face")
    ]
    assert (done.code, done.out, done.err) == (0, "\n".join(blocks), "")


def test_without_a_prompt_three_texts_come_from_nothing(charloom: Charloom, model: Path) -> None:
    done = charloom("temperatures", model, "--seed", 4, "--json")
    [rows] = done.records
    loaded = Model.load(model)
    assert [(r["temperature"], r["seed"]) for r in rows] == [
        (t, seed) for t in TEMPERATURES for seed in (4, 5, 6)
    ]
    for row in rows:
        [text] = loaded.generate(temperature=row["temperature"], seed=row["seed"], length=120)
        assert (row["prompt"], row["text"]) == ("", text)
    assert charloom("temperatures", model, "--seed", 4).out.startswith("temperature   from nothing")


def test_the_help_shows_the_default_length(charloom: Charloom) -> None:
    for command, default in (("temperatures", 120), ("generate", 500)):
        shown = " ".join(charloom(command, "--help").out.split())
        assert f"added to the prompt. [default: {default}]" in shown


def test_the_same_prompt_twice_is_one_block(charloom: Charloom, model: Path) -> None:
    done = charloom("temperatures", model, "a", "a", "--seed", 1)
    assert done.out.count("temperature") == 1
    assert len(done.out.splitlines()) == 11


def test_an_unknown_label_is_refused(charloom: Charloom, model: Path) -> None:
    done = charloom("temperatures", model, "--label", "World")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "charloom: label 'World' was asked for, but this model has no labels; "
        "leave the label out, or train a model with --label-column.\n"
    )


def test_unknown_symbols_are_noted_once(charloom: Charloom, model: Path) -> None:
    done = charloom("temperatures", model, "X", "--length", 2)
    assert done.err == 'charloom: the model does not know "X": <unk> is fed in its place.\n'
