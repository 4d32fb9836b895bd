"""How a function becomes a command: it gets the session, and the options that all commands have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from secretary_client.cli.arguments.parameters import seconds
from secretary_client.cli.session import DEFAULT_URL, KEY, PROFILE, URL, Session

JOBS, WEBHOOKS, SYSTEM, HERE = "Jobs", "Webhooks", "The system", "This machine"
"""The panels of the help."""
HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""The settings of typer that every command and group has."""
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_EVERYWHERE = "Every command"
_SHARED: dict[str, Any] = {
    "url": Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help=f"The URL of the API, such as {DEFAULT_URL}; or {URL}.",
            rich_help_panel=_EVERYWHERE,
        ),
    ],
    "key": Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help=f"An API key; or {KEY}.", rich_help_panel=_EVERYWHERE
        ),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help=f"A profile that secretary login stored; or {PROFILE}.",
            rich_help_panel=_EVERYWHERE,
        ),
    ],
    "retry_sec": Annotated[
        float | None,
        typer.Option(
            "--retry-sec",
            parser=seconds,
            metavar="SECONDS",
            help="How long to repeat a call while the API is away.",
            show_default="60 s",
            rich_help_panel=_EVERYWHERE,
        ),
    ],
    "as_json": Annotated[
        bool | None,
        typer.Option("--json", help="Write JSON.", rich_help_panel=_EVERYWHERE),
    ],
}
"""These options may come before the command and after it."""

CommandFunction = Callable[..., None]


def command(
    app: typer.Typer, function: CommandFunction, panel: str | None = None, *, name: str = ""
) -> None:
    """Add a command to *app*.

    Args:
        app: the app, or a group of commands.
        function: gets the ``Session``, then the arguments and options; its docstring is the help.
        panel: the panel of the help.
        name: the command's name; default: the function's.
    """
    add = app.command(name or None, rich_help_panel=panel, context_settings=HELP)
    add(with_session(function))


def group(app: typer.Typer, name: str, panel: str, default: CommandFunction) -> typer.Typer:
    """Add the commands ``secretary NAME …`` to *app*, and return their group.

    Args:
        app: the app.
        name: the name of the group.
        panel: the panel of the help.
        default: runs if no command of the group is named; its docstring is the help.
    """
    made = typer.Typer(context_settings=HELP)

    def run_default(session: Session) -> None:
        if session.context.invoked_subcommand is None:
            default(session)

    run_default.__doc__ = default.__doc__
    made.callback(invoke_without_command=True)(with_session(run_default))
    app.add_typer(made, name=name, rich_help_panel=panel)
    return made


def with_session(function: CommandFunction) -> CommandFunction:
    """Return *function* as typer calls it: with the shared options instead of the session."""
    hints = get_type_hints(function, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    parameters = [
        inspect.Parameter("context", _KEYWORD, annotation=typer.Context),
        *(one.replace(kind=_KEYWORD, annotation=hints[one.name]) for one in own),
        *(
            inspect.Parameter(f"shared_{name}", _KEYWORD, annotation=hint, default=None)
            for name, hint in _SHARED.items()
        ),
    ]

    @functools.wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        session = _session_in(context, **{name: given.pop(f"shared_{name}") for name in _SHARED})
        function(session, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__doc__ = _unwrapped(function.__doc__ or "")
    return run


def _unwrapped(text: str) -> str:
    """Return *text* with one line for each paragraph, so that the help wraps it."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)


def _session_in(context: typer.Context, **given: Any) -> Session:
    """Return the session of *context* with the shared options that are *given*."""
    root = context.find_root()
    if root.obj is None:
        root.obj = Session(context)
        root.call_on_close(root.obj.close)
    session: Session = root.obj
    session.context = context
    for name, value in given.items():
        if value is not None:
            setattr(session, name, value)
    return session
