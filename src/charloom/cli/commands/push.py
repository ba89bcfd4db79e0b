"""``charloom push``: publish a model on Hugging Face's hub."""

from typing import Annotated

from charloom.cli.commands.export import Language, License, note_export
from charloom.cli.options.shared import Json, Run, argument, option
from charloom.cli.terminal import output

Target = Annotated[str, argument("USER/NAME", "The repository on the hub, made if it is missing.")]
Private = Annotated[
    bool, option("--private", help="Make a new repository private. It stays as it is otherwise.")
]
Force = Annotated[bool, option("--force", help="Allow more than 64 MB.")]


def push(
    run: Run,
    target: Target,
    *,
    license: License = None,
    language: Language = None,
    private: Private = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Publish a model on Hugging Face's hub, as charloom export --to hf writes it.

    Others load it as hf://USER/NAME. Log in first with hf auth login, or set HF_TOKEN. Samples,
    hashes of texts, checkpoints and names of files are left out.
    """
    from charloom.exchange.hub_push import push_model
    from charloom.model import Model

    published = push_model(
        Model.load(run),
        target,
        license=license,
        language=language,
        private=private,
        force=force,
        on_prepared=note_export,
    )
    if json:
        output.write_json(published.to_dict())
    else:
        output.write_result(published.url)
        output.note(f"load it with: charloom generate {published.name}")
