"""The `hexapolis` command: `hexapolis [--data DIR] [--db URL] [--config FILE] COMMAND …`.

Commands are in `hexapolis.cli`; each imports what it needs when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError

from hexapolis import __version__
from hexapolis.cli import changes, collect, comparison, operate, read, tag
from hexapolis.errors import HexapolisError

INTERRUPTED = 130  # what the shell calls a process that Ctrl-C has ended

app = typer.Typer(
    name="hexapolis",
    help="Collect, tag and compare news on the AI policies of Chinese cities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (collect, tag, read, changes, comparison, operate):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hexapolis {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of database, archive and models [default: data]."),
    ] = None,
    db: Annotated[
        str | None, typer.Option(metavar="URL", help="Database [default: SQLite in the data folder].")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file [default: hexapolis.toml, if there].")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Options that come before the command."""
    context.obj = {"config": config, "data": data, "db": db}


def main() -> None:
    """Run the command line; errors that the user can mend are one line and the documented exit code."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except HexapolisError as error:
        _say(str(error))
        code = error.exit_code
    except ClickException as error:
        code = _explain_usage(error)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    if code == INTERRUPTED:
        _say("stopped")
    sys.exit(code)


def _explain_usage(error: ClickException) -> int:
    context = getattr(error, "ctx", None)
    if isinstance(error, NoArgsIsHelpError):
        error.show()
    else:
        _say(error.format_message() + (f" (see `{context.command_path} --help`)" if context else ""))
    return error.exit_code


def _say(message: str) -> None:
    print(f"hexapolis: {' '.join(message.split())}", file=sys.stderr)


if __name__ == "__main__":
    main()
