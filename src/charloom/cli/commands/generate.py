"""``charloom generate``: generate texts from a trained model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import SettingOptions, select, takes_options
from charloom.cli.options.labels import parse_label
from charloom.cli.options.mixture import MixtureOptions
from charloom.cli.options.sampling import (
    DEFAULT_CHOICES,
    RANDOM_SEED,
    OutputOptions,
    TextOptions,
)
from charloom.cli.options.shared import Prompts, Run, option
from charloom.cli.terminal import output
from charloom.cli.terminal.inputs import check_format, clean_prompts, random_seed, read_prompt
from charloom.errors import SettingsError
from charloom.settings import Label, SamplingSettings
from charloom.settings.label_mixture import format_label

if TYPE_CHECKING:
    from charloom.generation.checker import Checker
    from charloom.generation.detokenizer import GeneratedText
    from charloom.model import Model

_LONG_MATCH = 3
"""Times the usual length of a text from which that of matches is reported."""
_MEASURED_MATCHES = 1000
"""First texts whose length is measured for that."""
_MAX_BUFFERED = 100_000
"""Symbols of the longest text that is held in memory as a whole."""
_STREAM_BLOCK = 4096
"""Symbols of a longer text that are written at once."""


Greedy = Annotated[
    bool,
    option(
        "--greedy",
        group="Choice of symbols",
        help="Always choose the most probable symbol.",
    ),
]


@takes_options(
    text_options=TextOptions,
    output_options=OutputOptions,
    checker_options=CheckerOptions,
    mixture=MixtureOptions,
    options=select(SamplingSettings, without=("label",), seed={"default": RANDOM_SEED}),
)
def generate(
    run: Run,
    prompts: Prompts = None,
    *,
    text_options: TextOptions,
    output_options: OutputOptions,
    checker_options: CheckerOptions,
    mixture: MixtureOptions,
    options: SettingOptions,
    greedy: Greedy = False,
) -> None:
    """Generate texts from a trained model.

    A text begins with the prompt and ends at the end-of-text symbol, after --length symbols, or
    before a --stop string. The same model, prompt,
    seed and settings give the same text on every machine. The probabilities of the next symbol are
    changed in this order: repetition penalty, bias, masks (minimum length, match, forbidden
    strings), temperature, top-k, top-p, min-p.
    """
    settings = _sampling_settings(text_options, options, greedy)
    settings.seeds(text_options.n or 1)
    check_format(output_options.form)
    if output_options.interactive:
        _check_interactive(settings, text_options.n, output_options)
        _check_single(prompts, text_options)
    elif output_options.choices is not None:
        raise SettingsError("--choices is for --interactive alone; leave it out, or give both.")
    checker = checker_options.make()
    if output_options.stream or output_options.interactive:
        other = "--stream" if output_options.stream else "--interactive"
        _refuse(other, {"--checker": checker is not None})
    if output_options.stream:
        _refuse("--stream", {**_formats(output_options.form), **_whole_texts(settings)})
    if text_options.prompt_file is not None:
        prompts = [*(prompts or ()), read_prompt(text_options.prompt_file)]
    model = mixture.load(run)
    cleaned = clean_prompts(model, prompts)
    labels = [parse_label(text, model.record.labels) for text in text_options.labels or ()]
    by_label = [replace(settings, label=label) for label in labels] or [settings]
    if settings.forbid:
        for prompt in cleaned:
            model.generator.check_prompt(prompt, settings)
    _write(model, cleaned, by_label, text_options.n or 1, output_options, checker)


def _write(
    model: "Model",
    prompts: list[str],
    by_label: list[SamplingSettings],
    n: int,
    output_options: OutputOptions,
    checker: "Checker | None",
) -> None:
    """Write ``n`` texts for each prompt and label in the selected way."""
    if output_options.interactive:
        from charloom.cli.terminal.interactive import interact

        interact(model, prompts[0], by_label[0], output_options.choices or DEFAULT_CHOICES)
    elif output_options.stream or (
        output_options.form != "jsonl" and checker is None and _is_unbuffered(by_label[0])
    ):
        _stream_texts(model, prompts, by_label, n, 1 if output_options.stream else _STREAM_BLOCK)
    else:
        _write_texts(model, prompts, by_label, n, output_options.form, checker)


def _sampling_settings(
    text_options: TextOptions, options: SettingOptions, greedy: bool
) -> SamplingSettings:
    """Return the settings of command line and files; without a seed, draw one."""
    if greedy and "temperature" in options:
        raise SettingsError(
            f"--greedy and --temperature {options['temperature']:g} contradict each other; "
            "give one of them."
        )
    merged: dict[str, Any] = {"seed": random_seed()}
    if text_options.settings_file is not None:
        from charloom.settings.toml_file import read_settings

        merged |= read_settings(text_options.settings_file, ["sampling"])
    merged |= options
    if text_options.forbid_files:
        listed = _read_forbidden(text_options.forbid_files)
        merged["forbid"] = (*options.get("forbid", ()), *listed)
    if greedy:
        _refuse("--greedy", {"--beam": merged.get("beam") is not None})
        merged["temperature"] = 0.0
    return SamplingSettings(**merged)


def _read_forbidden(files: Sequence[Path]) -> Iterator[str]:
    from charloom.data.line_files import read_lines

    for file in files:
        yield from read_lines(str(file), "--forbid-file")


def _refuse(option: str, others: Mapping[str, bool]) -> None:
    """Raise SettingsError for the first of some other options that is in use."""
    for other, is_used in others.items():
        if is_used:
            raise SettingsError(f"{option} and {other} contradict each other; give one of them.")


def _formats(form: str | None) -> dict[str, bool]:
    return {f"--format {form}": form not in (None, "text")}


def _whole_texts(settings: SamplingSettings) -> dict[str, bool]:
    """Return whether each option is in use that needs whole texts before writing."""
    return {
        "--novel": settings.novel,
        "--novel-file": bool(settings.novel_file),
        "--unique": settings.unique,
        "--accepted-only": settings.accepted_only,
        "--match-by trial": settings.matches_by_trial,
        "--beam": settings.beam is not None,
    }


def _check_interactive(
    settings: SamplingSettings, n: int | None, output_options: OutputOptions
) -> None:
    _refuse(
        "--interactive",
        {
            f"-n {n}": n is not None,
            **_formats(output_options.form),
            "--stream": output_options.stream,
            **_whole_texts(settings),
        },
    )


def _check_single(prompts: Sequence[str] | None, text_options: TextOptions) -> None:
    """Raise SettingsError if there is more than one prompt or label for --interactive."""
    if text_options.prompt_file is not None:
        raise SettingsError(
            "--interactive and --prompt-file contradict each other; give the prompt itself."
        )
    for name, values in (("prompts", prompts), ("labels", text_options.labels)):
        if values is not None and len(values) > 1:
            raise SettingsError(
                f"--interactive writes one text, and {len(values)} {name} were given; give one."
            )


def _is_unbuffered(settings: SamplingSettings) -> bool:
    """Return whether texts may be too long for memory, and are not needed as a whole."""
    return settings.length > _MAX_BUFFERED and not any(_whole_texts(settings).values())


def _write_texts(
    model: "Model",
    prompts: list[str],
    by_label: list[SamplingSettings],
    n: int,
    form: str | None,
    checker: "Checker | None",
) -> None:
    """Write ``n`` texts for each prompt and label.

    Notes on standard error report the texts that were left out, the accepted ones, matches of
    unusual length, and how many texts are missing from a beam search.
    """
    from charloom.generation.checker import Acceptances
    from charloom.generation.text_filter import make_text_filter

    text_filter = make_text_filter(by_label[0], model.record, checker)
    acceptances = None
    if checker is not None and not by_label[0].accepted_only:
        acceptances = Acceptances(checker)

    def texts() -> Iterator["GeneratedText"]:
        for prompt, settings in product(prompts, by_label):
            yield from model.generator.texts(prompt, settings, n, text_filter)

    gap = _separator(model, prompts)
    written = 0
    lengths: list[int] = []
    unjudged = ((text, None) for text in texts())
    pairs = unjudged if acceptances is None else acceptances.judge(texts())
    for index, (text, accepted) in enumerate(pairs):
        written = index + 1
        if len(lengths) < _MEASURED_MATCHES:
            lengths.append(len(text.text))
        if form == "jsonl":
            record = _to_record(text)
            output.write_json(record if accepted is None else record | {"accepted": accepted})
        else:
            prefix = (gap if index else "") + _label_prefix(by_label, text.label)
            output.write_result(prefix + text.text)
    if text_filter is not None:
        output.note(text_filter.summary())
    if acceptances is not None:
        output.note(acceptances.summary())
    if by_label[0].match is not None and not by_label[0].matches_by_trial:
        _note_long_matches(model, lengths)
    requested = n * len(prompts) * len(by_label)
    if written < requested:  # a beam only: sampling continues until all are found, or raises
        output.note(
            f"the search found {written} of {requested} texts; a wider beam may find more, if "
            "there are."
        )


def _note_long_matches(model: "Model", lengths: list[int]) -> None:
    """Write a note if matches are much longer than the texts that the model learned."""
    origin = model.record.provenance
    documents, characters = origin.get("training_documents"), origin.get("training_characters")
    if not documents or not characters or not lengths:
        return
    usual, median = characters / documents, sorted(lengths)[len(lengths) // 2]
    if median > _LONG_MATCH * usual:
        output.note(
            f"a match has {median:,} characters, a text of the sources {usual:.0f} on average: "
            "--match forbids the end of a text until it matches; --match-by trial leaves out texts "
            "without a match instead, which keeps their usual length."
        )


def _stream_texts(
    model: "Model", prompts: list[str], by_label: list[SamplingSettings], n: int, block: int
) -> None:
    """Write the texts one after another, in chunks of ``block`` symbols."""
    gap = _separator(model, prompts)
    texts = product(prompts, by_label, by_label[0].seeds(n))
    for index, (prompt, settings, seed) in enumerate(texts):
        chunks = model.generator.stream(prompt, replace(settings, seed=seed), block)
        prefix = (gap if index else "") + _label_prefix(by_label, settings.label)
        output.write_result(prefix + prompt, end="")
        for chunk in chunks:
            output.write_result(chunk, end="")
            if block == 1:
                output.flush()
        output.write_result("")


def _label_prefix(by_label: list[SamplingSettings], label: Label) -> str:
    """Return the label and a tab if there are several labels."""
    return f"{format_label(label)}\t" if len(by_label) > 1 else ""


def _separator(model: "Model", prompts: list[str]) -> str:
    """Return the separator of texts: an empty line if a text may have several lines."""
    has_breaks = not model.record.vocabulary.unknown_symbols("\n") or any(
        "\n" in text for text in prompts
    )
    return "\n" if has_breaks or model.record.text.document_unit != "line" else ""


def _to_record(generated: "GeneratedText") -> dict[str, Any]:
    return {
        "text": generated.text,
        "prompt": generated.prompt,
        "seed": generated.seed,
        "bits": generated.bits,
        "symbols": generated.symbols,
        "stopped": generated.stopped,
        "label": generated.label,
    }
