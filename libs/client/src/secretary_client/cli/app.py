"""The app: its options, its commands, and its exit codes.

Another package adds commands with an entry point of the group ``secretary.commands``. It names a
function ``register(app)``, as each module of ``cli.commands`` has one.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from secretary_client.cli import commands
from secretary_client.cli.failures import FAILURES
from secretary_client.cli.registration import HELP, with_session
from secretary_client.cli.session import NoKey, Session
from secretary_client.cli.terminal.output import print_note
from secretary_client.error import JobNotEnded

OK, FAILED, NO_COMMAND, NOT_ENDED = 0, 1, 2, 3
PIPE_CLOSED = 141
"""As a shell reports a command that SIGPIPE has ended."""
COMMANDS = "secretary.commands"
"""The group of entry points with which other packages add commands."""


@functools.cache
def make_app() -> typer.Typer:
    """Return the app with all commands: those of this package, then those of other packages."""
    app = typer.Typer(
        name="secretary",
        help="Secretary from a shell: submit jobs, follow them, fetch their results.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=HELP,
    )
    app.callback()(with_session(_options))
    for register in _registrations():
        register(app)
    return app


def _registrations() -> list[Callable[[typer.Typer], None]]:
    others = importlib.metadata.entry_points(group=COMMANDS)
    return [*commands.REGISTRATIONS, *(one.load() for one in others)]


def _show_version(given: bool) -> None:  # noqa: FBT001 - typer calls it with the value of the option
    if given:
        typer.echo(f"secretary {importlib.metadata.version('secretary-client')}")
        raise typer.Exit


def _options(
    _session: Session,
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Write the version and exit."
        ),
    ] = False,
) -> None:
    """Do nothing: typer and ``with_session`` have read the options."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command in *arguments* (default: of this process); return its exit code."""
    try:
        make_app()(args=arguments, prog_name="secretary")
    except SystemExit as end:  # typer reports invalid command lines, and always ends so
        if isinstance(end.__context__, BrokenPipeError):  # the program that reads has ended
            return PIPE_CLOSED
        return end.code if isinstance(end.code, int) else FAILED
    except (NoKey, *FAILURES) as error:
        print_note(f"secretary: {error}")
        return _code_of(error)
    return OK


def _code_of(error: Exception) -> int:
    if isinstance(error, NoKey):
        return NO_COMMAND
    return NOT_ENDED if isinstance(error, JobNotEnded) else FAILED
