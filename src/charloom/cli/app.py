"""The command line: its commands, and the exit code and message of every failure.

Exit codes: 0 done; 2 the user's mistake, with one line on standard error; 130 interrupted by
Ctrl-C, 128 + the number of another signal (SIGTERM: 143), in both cases with everything saved.
"""

import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from charloom.cli.commands.compare import compare
from charloom.cli.commands.corpora import corpora
from charloom.cli.commands.diversity import diversity
from charloom.cli.commands.evaluate import evaluate
from charloom.cli.commands.export import export
from charloom.cli.commands.generate import generate
from charloom.cli.commands.import_model import import_model
from charloom.cli.commands.memorisation import memorisation
from charloom.cli.commands.next import next_symbols
from charloom.cli.commands.push import push
from charloom.cli.commands.report import report
from charloom.cli.commands.score import score
from charloom.cli.commands.summary import summary
from charloom.cli.commands.temperatures import temperatures
from charloom.cli.commands.train import train
from charloom.cli.exit_codes import INTERRUPTED, USER_ERROR
from charloom.cli.options.conversion import avoid_pydantic
from charloom.cli.terminal import output
from charloom.errors import CharloomError
from charloom.jit.notice import on_compilation
from charloom.progress.closed_output import redirect_to_devnull

_MIN_SIMILARITY = 0.75
"""Similarity of an option to a mistyped one from which it is suggested, 0 to 1."""

_GC_THRESHOLD = 50_000
"""New objects between two searches for cycles. Imports create many objects and few cycles, and
Python's default of 700 makes them a tenth slower."""

_OS_ERROR_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, or choose another place",
    errno.EDQUOT: "the quota of the disk is used up; free some space, or choose another place",
    errno.EROFS: "the disk can only be read; choose another place",
    errno.EACCES: "permission denied; choose a file or folder that you may use",
    errno.EPERM: "permission denied; choose a file or folder that you may use",
}


def _argument_record(argument: TyperArgument) -> tuple[str, str]:
    return argument.metavar or "", argument.help or ""


class Command(TyperCommand):
    """A command with groups of options in its help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, the generated ones included."""
        return avoid_pydantic(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then each group of options in the order of first appearance."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, TyperArgument):
                groups.setdefault("Arguments", []).append(_argument_record(parameter))
            elif record is not None:
                group = getattr(parameter, "rich_help_panel", None) or "Options"
                groups.setdefault(group, []).append(record)
        for group, lines in groups.items():
            with formatter.section(group):
                formatter.write_dl(lines)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the arguments and options of the usage line."""
        arguments = [p for p in self.get_params(ctx) if isinstance(p, TyperArgument)]
        return [*(_argument_record(argument)[0] for argument in arguments), "[OPTIONS]"]


class Commands(TyperGroup):
    """The commands. Ctrl-C and a closed pipe end them without a traceback."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, the generated ones included."""
        return avoid_pydantic(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command and flush its result."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            if not _is_broken_pipe(error):
                raise
            redirect_to_devnull(sys.stdout)
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            output.note("interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        return result


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        output.write_result(f"charloom {version('charloom')}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Begin with:\n\n\b\n"
    "  charloom train facts --minutes 1\n"
    "  charloom generate runs/facts -n 5",
)
def charloom(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Train small recurrent language models on your texts, and generate new ones."""
    if context.invoked_subcommand is None:
        output.write_result(context.get_help())


def _register(name: str, function: Any, *examples: str) -> None:
    """Register a command, with examples at the end of its help."""
    lines = "\n".join(f"  charloom {name} {example}" for example in examples)
    title = "Examples" if len(examples) > 1 else "Example"
    app.command(name, cls=Command, epilog=f"{title}:\n\n\b\n{lines}")(function)


_register(
    "train",
    train,
    "facts --minutes 1",
    "titles.csv --column 2,3 --no-header -o runs/titles",
    'poems.txt --unit stream --layers 2 --prompt "O " --temperature 0.7',
    "facts --settings facts.toml -o runs/again",
)
_register(
    "generate",
    generate,
    'runs/facts "The " -n 5 --temperature 0.6 --seed 1',
    'runs/names --match "k[a-z]{4,6}a" --novel --unique -n 20',
    "runs/names k --interactive",
)
_register("temperatures", temperatures, 'runs/facts "The " "In "')
_register("next", next_symbols, "runs/facts play --top 5")
_register("evaluate", evaluate, "runs/facts other-facts.txt --json")
_register(
    "compare",
    compare,
    "titles.csv --column 2 --cell rnn,gru,lstm --layers 1,2 --minutes 1",
    "facts --cell lstm --hidden 64,128,256 --epochs 5",
    "facts --search 20 --storage postgresql+psycopg://me@host/studies",
)
_register("score", score, "runs/facts lines.txt", "runs/facts - --threshold auto < lines.txt")
_register("memorisation", memorisation, "runs/facts", "runs/facts --temperature 0.5 -n 200")
_register("diversity", diversity, "runs/facts")
_register("report", report, "runs/facts", 'runs/facts --text "The moon is a cheese."')
_register(
    "export",
    export,
    "runs/facts --to html",
    "runs/facts --to keras",
    "runs/facts --dtype float16 --save-rounded runs/facts16 -o facts.html",
    "runs/facts --to hf --license mit --language en",
    "runs/facts --to torch",
)
_register("push", push, "runs/facts user/facts --license mit --language en --private")
_register(
    "import",
    import_model,
    "lesson.keras --symbols tokenizer.json --end '<eos>' -o runs/lesson",
    "chars.h5 --symbols chars.txt -o runs/chars",
)
_register("summary", summary, "runs/facts", "runs/facts --settings > facts.toml")
_register("corpora", corpora, "--json")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    output.force_utf8()
    try:
        command = typer.main.get_command(app)
        with _discard_output_on_failure(), on_compilation(output.note):
            result = command.main(list(arguments), prog_name="charloom", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):  # before a command began
        output.note("interrupted.")
        return INTERRUPTED
    except typer.TyperException as error:
        output.note(_usage_message(error))
    except CharloomError as error:
        output.note(str(error))
    except MemoryError as error:
        reason = f" ({error})" if str(error) else ""
        output.note(
            f"memory ran out{reason}; less is needed with shorter texts (--unit stream reads a "
            "long one in parts), or a smaller --hidden, --batch-size or --beam."
        )
    except OSError as error:
        if error.errno not in _OS_ERROR_ADVICE:
            raise
        output.note(f"{error.filename or 'the output'}: {_OS_ERROR_ADVICE[error.errno]}.")
    else:
        return result if isinstance(result, int) else 0
    return USER_ERROR


def main() -> None:
    """Run the command line of this process and exit."""
    gc.set_threshold(_GC_THRESHOLD)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows lacks SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _exit_on_signal)
    sys.exit(run(sys.argv[1:]))


def _exit_on_signal(number: int, frame: object) -> None:
    """Exit with the code of the signal, so that temporary files are removed."""
    sys.exit(128 + number)


def _is_broken_pipe(error: OSError) -> bool:
    """Return whether a write failed because the reader closed the pipe.

    Windows reports an invalid argument and no file name.
    """
    invalid = error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and invalid)


@contextmanager
def _discard_output_on_failure() -> Iterator[None]:
    """Discard buffered output after a failed write.

    Otherwise Python writes it at exit, which fails again.
    """
    try:
        yield
    except OSError:
        try:
            sys.stdout.flush()
        except OSError:
            redirect_to_devnull(sys.stdout)
        raise


def _usage_message(error: typer.TyperException) -> str:
    """Return the mistake in a command line and the command for help, as one line."""
    offered = getattr(error, "possibilities", None)
    if offered:  # Typer suggests --stop for --json
        vars(error)["possibilities"] = get_close_matches(
            getattr(error, "option_name", ""), offered, n=1, cutoff=_MIN_SIMILARITY
        )
    message = error.format_message().rstrip()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "charloom"
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See: {command} --help"
