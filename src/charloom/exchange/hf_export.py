"""The export to a folder for Hugging Face's hub, which charloom loads too."""

import json
from typing import Any, Final

from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.finite_weights import check_finite
from charloom.exchange.html_export import model_name
from charloom.exchange.hub_card import CardFacts, hub_card
from charloom.exchange.known_memorisation import known_memorisation
from charloom.exchange.public_record import public_record
from charloom.exchange.tokenizer_json import tokenizer_json
from charloom.exchange.written_export import PreparedExport, format_size
from charloom.formatting import format_count
from charloom.model_folder.encoding import digest, model_json
from charloom.model_folder.format import CARD, CONFIG, ModelRecord, to_files
from charloom.model_folder.weights import tensors_digest
from charloom.settings import DEFAULT_LENGTH
from charloom.settings.sampling import DEFAULT_TEMPERATURE
from charloom.text.vocabulary import EOS, UNK

FORMAT: Final = "hf"
TOKENIZER: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
GENERATION_CONFIG: Final = "generation_config.json"


def prepare_hf(
    model: ModelParts,
    *,
    license: str | None = None,
    language: str | None = None,
    force: bool = False,
    repository: str | None = None,
) -> PreparedExport:
    """Return the folder of a model for the hub.

    ``config.json``, ``vocabulary.json`` and ``model.safetensors`` are those of a model folder, with
    more keys in the first. ``repository`` is the place on the hub, such as "user/name", for the
    card. Raises SettingsError for weights that are not finite, for a license or language that is no
    identifier, and for more than 64 MB without ``force``.
    """
    check_finite(model.record)
    record = public_record(model.record, license, language)
    tokenizer = tokenizer_json(record.vocabulary)
    name = model_name(model) if repository is None else repository.rpartition("/")[2]
    discloses = _disclosed(record)
    card = hub_card(
        record,
        CardFacts(
            name=name,
            source="." if repository is None else f"hf://{repository}",
            memorisation=known_memorisation(model),
            discloses=discloses,
            tokenizer_difference=tokenizer.difference,
        ),
    )
    files = to_files(record)
    files[CONFIG] = _hub_config(record, files[CONFIG])
    files |= {
        TOKENIZER: _json(tokenizer.content),
        TOKENIZER_CONFIG: _json(_tokenizer_config(record)),
        GENERATION_CONFIG: _json(_generation_config(record)),
        CARD: card.encode(),
    }
    weights = tensors_digest(record.tensors, record.weight_precision)
    prepared = PreparedExport(
        format=FORMAT,
        files=files,
        is_folder=True,
        figures={
            "weights_digest": weights,
            "tokenizer_exact": tokenizer.difference is None,
            "license": record.provenance.get("license"),
            "language": record.provenance.get("language"),
        },
        notes=_notes(
            sum(map(len, files.values())),
            "FOLDER" if repository is None else f"hf://{repository}",
            tokenizer.difference,
        ),
        discloses=discloses,
    )
    prepared.check_size(force=force, advice="train a smaller network")
    return prepared


def _hub_config(record: ModelRecord, config: bytes) -> bytes:
    """Return a configuration with sizes and ids by the names of the hub, too."""
    content: dict[str, Any] = json.loads(config)
    del content["config_digest"]
    network = record.network
    content |= {
        "bos_token_id": EOS,
        "eos_token_id": EOS,
        "hidden_size": network.hidden,
        "num_hidden_layers": network.layers,
        "vocab_size": len(record.vocabulary),
    }
    content["config_digest"] = digest(model_json(content))
    return model_json(content)


def _tokenizer_config(record: ModelRecord) -> dict[str, Any]:
    boundary, unknown = record.vocabulary.symbols[EOS], record.vocabulary.symbols[UNK]
    return {
        "add_prefix_space": False,
        "bos_token": boundary,
        "clean_up_tokenization_spaces": False,
        "eos_token": boundary,
        # A typed <eos> is text, of several symbols.
        "split_special_tokens": True,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unknown,
    }


def _generation_config(record: ModelRecord) -> dict[str, Any]:
    return {
        "bos_token_id": EOS,
        "do_sample": True,
        "eos_token_id": EOS,
        "max_new_tokens": DEFAULT_LENGTH,
        "suppress_tokens": [EOS, UNK] if record.is_one_stream else [UNK],
        "temperature": DEFAULT_TEMPERATURE,
    }


def _json(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _notes(size: int, place: str, difference: str | None) -> tuple[str, ...]:
    notes = (
        f"{format_size(size)}; charloom generate {place} loads it, and the same seed writes the "
        "same text.",
    )
    if difference is None:
        return (*notes, "tokenizer.json gives every text the same symbols.")
    return (*notes, f"tokenizer.json is not exact: {difference}.")


def _disclosed(record: ModelRecord) -> tuple[str, ...]:
    """Return the parts of the model that are in the folder."""
    labels = [format_count(len(record.labels), "label")] if record.labels else []
    return (
        f"{len(record.vocabulary):,} symbols of the vocabulary, and how often each occurs in the "
        "training texts",
        *labels,
        "settings, figures, date and versions of the run",
        "the weights, which can repeat parts of training texts",
    )
