"""``charloom generate``: write new texts from a trained model."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.cli.options import sampling as given
from charloom.cli.options.shared import Length, Prompts, Run, Seed
from charloom.cli.terminal import output
from charloom.errors import SettingsError, SourceError
from charloom.settings import SamplingSettings

if TYPE_CHECKING:
    from charloom.generation.detokenizer import GeneratedText
    from charloom.model import Model

_FORMATS = ("text", "jsonl")
# A text that may become longer is written as it comes: memory would grow with it.
_MAX_BUFFERED = 100_000
_STREAM_BLOCK = 4096
_DEFAULT_CHOICES = 9
_SETTINGS = (
    *("length", "min_length", "stop", "top_k", "top_p", "min_p", "temperature"),
    *("repetition_penalty", "repetition_span", "bias", "match", "novel", "unique", "tries"),
    *("beam", "length_penalty"),
)


def generate(
    run: Run,
    prompts: Prompts = None,
    *,
    prompt_file: given.PromptFile = None,
    n: given.Count = None,
    length: Length = None,
    seed: Seed = None,
    labels: given.Labels = None,
    form: given.Format = None,
    stream: given.Stream = False,
    interactive: given.Interactive = False,
    choices: given.Choices = None,
    temperature: given.Temperature = None,
    greedy: given.Greedy = False,
    top_k: given.TopK = None,
    top_p: given.TopP = None,
    min_p: given.MinP = None,
    repetition_penalty: given.RepetitionPenalty = None,
    repetition_span: given.RepetitionSpan = None,
    bias: given.Bias = None,
    min_length: given.MinLength = None,
    stop: given.Stop = None,
    match: given.Match = None,
    novel: given.Novel = False,
    unique: given.Unique = False,
    tries: given.Tries = None,
    beam: given.Beam = None,
    length_penalty: given.LengthPenalty = None,
) -> None:
    """Write new texts from a trained model.

    A text begins with the prompt and goes on until the model ends it. The same model, prompt, seed
    and settings give the same text everywhere. The choice of a symbol is shaped in this order:
    repetition penalty, bias, masks (minimum length, match), temperature, top-k, top-p, min-p.
    """
    settings = _check_options(dict(locals()))
    if prompt_file is not None:
        prompts = [*(prompts or ()), _read_prompt(prompt_file)]
    from charloom.model import Model

    model = Model.load(run)
    known = clean_prompts(model, prompts)
    if interactive:
        from charloom.cli.terminal.interactive import interact

        one = replace(settings, label=labels[0] if labels else None)
        interact(model, known[0], one, choices or _DEFAULT_CHOICES)
        return
    each = [replace(settings, label=label) for label in labels] if labels else [settings]
    if stream or (form != "jsonl" and _is_unbuffered(settings)):
        _stream_texts(model, known, each, n or 1, 1 if stream else _STREAM_BLOCK)
    else:
        _write_texts(model, known, each, n or 1, form)


def _check_options(options: Mapping[str, Any]) -> SamplingSettings:
    """Return what the options say, but for labels; raises SettingsError for what cannot be."""
    settings = _sampling_settings(options)
    settings.seeds(options["n"] or 1)
    check_format(options["form"])
    if options["interactive"]:
        _refuse_options(
            options, ("n", "form", "stream", "novel", "unique", "beam"), "--interactive"
        )
        if options["prompt_file"] is not None:
            raise SettingsError(
                "--interactive and --prompt-file contradict each other; give the prompt itself."
            )
        _check_single(options["prompts"], options["labels"])
    elif options["choices"] is not None:
        raise SettingsError("--choices is for --interactive alone; leave it out, or give both.")
    if options["stream"]:
        _refuse_options(options, ("form", "novel", "unique", "beam"), "--stream")
    return settings


def _sampling_settings(options: Mapping[str, Any]) -> SamplingSettings:
    if options["greedy"] and options["temperature"] is not None:
        raise SettingsError(
            f"--greedy and --temperature {options['temperature']:g} contradict each other; "
            "give one of them."
        )
    chosen = {name: options[name] for name in _SETTINGS if options[name] is not None}
    if options["greedy"]:
        _refuse_options(options, ("beam",), "--greedy")
        chosen["temperature"] = 0.0
    chosen["bias"] = dict(options["bias"] or ())
    chosen["seed"] = random_seed() if options["seed"] is None else options["seed"]
    return SamplingSettings(**chosen)


def _refuse_options(options: Mapping[str, Any], names: tuple[str, ...], against: str) -> None:
    """Raise SettingsError for the first of some options that was given."""
    spelled = {"n": "-n", "form": "--format"}
    for name in names:
        if options[name] not in (None, False) and (name, options[name]) != ("form", "text"):
            value = f" {options[name]}" if name in spelled else ""
            option = spelled.get(name, f"--{name.replace('_', '-')}") + value
            raise SettingsError(f"{against} and {option} contradict each other; give one of them.")


def _check_single(prompts: list[str] | None, labels: list[str] | None) -> None:
    """Raise SettingsError if more than one text would have to be begun."""
    for things, given_things in (("prompts", prompts), ("labels", labels)):
        if given_things is not None and len(given_things) > 1:
            raise SettingsError(
                f"--interactive writes one text, and {len(given_things)} {things} were given; "
                "give one."
            )


def _read_prompt(path: Path) -> str:
    """Return the text of a prompt file; raises SourceError if it cannot be read."""
    name = "standard input" if str(path) == "-" else str(path)
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SourceError(
            f"{name} cannot be read ({error.strerror or error}); name a file with a prompt."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name} is not UTF-8 (byte {error.start + 1} is no part of it); save it as UTF-8."
        ) from error


def random_seed() -> int:
    """Return a seed that is short enough to be typed again."""
    return secrets.randbelow(2**32)


def check_format(form: str | None) -> None:
    """Raise SettingsError unless ``form`` is a format of results, or left out."""
    if form is not None and form not in _FORMATS:
        raise SettingsError(f"format is {form!r}; allowed: {', '.join(_FORMATS)}.")


def clean_prompts(model: "Model", prompts: list[str] | None) -> list[str]:
    """Return the prompts as the model reads them, [""] for none; tell of symbols not known."""
    from charloom.text.cleaning import clean_prompt

    cleaned = [clean_prompt(prompt, model.record.text) for prompt in prompts or [""]]
    vocabulary = model.record.vocabulary
    output.note_unknown_symbols(
        symbol for prompt in cleaned for symbol in vocabulary.unknown_symbols(prompt)
    )
    return cleaned


def _is_unbuffered(settings: SamplingSettings) -> bool:
    """Return whether texts may be long, and nothing has to know them whole."""
    whole = settings.novel or settings.unique or settings.beam is not None
    return settings.length > _MAX_BUFFERED and not whole


def _write_texts(
    model: "Model", prompts: list[str], each: list[SamplingSettings], n: int, form: str | None
) -> None:
    """Write ``n`` texts for each prompt and label, and what the novelty filter rejected."""
    from charloom.generation.novelty import make_novelty_filter

    novelty_filter = make_novelty_filter(each[0], model.record)

    def texts() -> Iterator["GeneratedText"]:
        for prompt, settings in product(prompts, each):
            yield from model.generator.texts(prompt, settings, n, novelty_filter)

    gap = _separator(model, prompts)
    written = 0
    for index, text in enumerate(texts()):
        written = index + 1
        if form == "jsonl":
            output.write_json(_to_record(text))
        else:
            output.write_result(
                (gap if index else "") + _label_prefix(each, text.label) + text.text
            )
    if novelty_filter is not None:
        output.note(novelty_filter.summary())
    asked = n * len(prompts) * len(each)
    if written < asked:  # only of a beam: whoever draws goes on, or raises
        found = f"the search found {written} of {asked} texts"
        output.note(f"{found}; a wider beam may find more, if there are.")


def _stream_texts(
    model: "Model", prompts: list[str], each: list[SamplingSettings], n: int, block: int
) -> None:
    """Write the texts one after another, a piece after every ``block`` symbols."""
    gap = _separator(model, prompts)
    texts = product(prompts, each, each[0].seeds(n))
    for index, (prompt, settings, seed) in enumerate(texts):
        pieces = model.generator.stream(prompt, replace(settings, seed=seed), block)
        heading = _label_prefix(each, settings.label)
        output.write_result((gap if index else "") + heading + prompt, end="")
        for piece in pieces:
            output.write_result(piece, end="")
            if block == 1:
                output.flush()
        output.write_result("")


def _label_prefix(each: list[SamplingSettings], label: str | None) -> str:
    """Return what stands before a text: its label, where there are several."""
    return f"{label}\t" if len(each) > 1 else ""


def _separator(model: "Model", prompts: list[str]) -> str:
    """Return what stands between texts: an empty line where one may have several lines."""
    breaks = not model.record.vocabulary.unknown_symbols("\n") or any(
        "\n" in text for text in prompts
    )
    return "\n" if breaks or model.record.text.unit != "line" else ""


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
