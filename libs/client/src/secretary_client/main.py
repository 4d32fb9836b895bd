"""``secretary``: the API from a shell.

The API and the key come from ``SECRETARY_URL`` and ``SECRETARY_KEY``, or from ``--url`` and
``--key``. What is asked for goes to standard output, what is only told to standard error; the exit
code is 0, 1 for what failed and 2 for a command that is none.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from secretary_client import command as do
from secretary_client.client import RETRY_SEC, Client
from secretary_client.error import ApiError, JobFailed, Unreachable
from secretary_client.output import tell, write

URL, KEY = "SECRETARY_URL", "SECRETARY_KEY"
DEFAULT_URL = "http://localhost:5001"
MANY = 50
FAILED, NO_COMMAND, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for."""
    options = _parsed(arguments)
    if not options.key:
        tell(f"secretary: no API key: set {KEY} or give --key")
        return NO_COMMAND
    command: do.Command = options.command
    try:
        with Client(options.url, options.key, retry_sec=options.retry_sec) as client:
            write(command(client, options))
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ApiError, JobFailed, Unreachable, OSError, ValueError, httpx.InvalidURL) as error:
        tell(f"secretary: {error}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; options may stand between parameters too, of which argparse knows a row."""
    parser = _parser()
    options, left = parser.parse_known_args(arguments)
    parameters = [given for given in left if not given.startswith("-") and "=" in given]
    if left and (len(parameters) < len(left) or "parameters" not in options):
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if parameters:
        options.parameters += parameters
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="secretary", description="Secretary from a shell.")
    parser.add_argument("--url", default=os.environ.get(URL, DEFAULT_URL), help=f"or {URL}")
    parser.add_argument("--key", default=os.environ.get(KEY, ""), help=f"an API key; or {KEY}")
    parser.add_argument(
        "--retry-sec",
        type=_seconds,
        default=RETRY_SEC,
        metavar="SECONDS",
        help=f"how long to ask again while the API is away ({RETRY_SEC:g})",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, *arguments) in _COMMANDS.items():
        summary = (command.__doc__ or "").strip().replace("``", "")
        made = commands.add_parser(name, help=summary, description=summary)
        made.set_defaults(command=command)
        for argument in arguments:
            made.add_argument(argument.name, **argument.how)
    return parser


def _checked_parameter(given: str) -> str:
    name, equals, _ = given.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{given!r} is no NAME=VALUE")
    return given


def _count(given: str) -> int:
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"{given!r} is no number of rows")
    return int(given)


def _seconds(given: str) -> float:
    seconds = float(given)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{given!r} is no number of seconds")
    return seconds


class _Argument:
    """What ``add_argument`` is to be called with."""

    def __init__(self, name: str, **how: Any) -> None:
        self.name = name
        self.how = how


_JOB = _Argument("job_id", metavar="JOB")
_JOBS = _Argument("job_ids", metavar="JOB", nargs="+")
_TYPE = _Argument("job_type", metavar="TYPE")
_LIMIT = _Argument("--limit", type=_count, default=MANY, help=f"rows at most ({MANY})")
_COMMANDS: dict[str, tuple[do.Command, *tuple[_Argument, ...]]] = {
    "submit": (
        do.submit,
        _TYPE,
        _Argument("parameters", metavar="NAME=VALUE", nargs="*", type=_checked_parameter),
        _Argument("--upload", type=Path, metavar="FILE", help="upload it; it is the file_id"),
        _Argument("--wait", action="store_true", help="follow it and write its results"),
        _Argument("--job-name", metavar="NAME"),
        _Argument("--tag", action="append", dest="tags", help="may be given several times"),
        _Argument("--priority", type=int, help="0 to 9"),
        _Argument("--delay-sec", type=_seconds),
        _Argument("--max-attempts", type=int),
        _Argument("--timeout-sec", type=_seconds),
        _Argument("--idempotency-key", metavar="KEY", help="the same key makes the same job"),
    ),
    "watch": (do.watch, _JOB),
    "show": (do.show, _JOB),
    "results": (do.results, _JOB),
    "logs": (do.logs, _JOB, _Argument("--level", default="debug")),
    "list": (
        do.listed,
        _Argument("--status"),
        _Argument("--type", metavar="TYPE"),
        _Argument("--tag"),
        _LIMIT,
    ),
    "download": (
        do.download,
        _JOB,
        _Argument("name", nargs="?", help="left out: all, as a zip"),
        _Argument("--output", type=Path, metavar="FILE"),
    ),
    "upload": (do.upload, _Argument("file", type=Path)),
    "cancel": (do.cancel, _JOBS),
    "retry": (do.retry, _JOBS),
    "delete": (do.delete, _JOBS),
    "types": (do.types,),
    "pause": (do.pause, _TYPE),
    "resume": (do.resume, _TYPE),
    "workers": (do.workers,),
    "deliveries": (
        do.deliveries,
        _Argument("--status", help="pending, dead, delivered …"),
        _LIMIT,
    ),
    "resend": (do.resend, _Argument("delivery_ids", metavar="DELIVERY", nargs="+")),
    "recover": (
        do.recover,
        _Argument("--since", required=True, metavar="TIME", help="2026-01-31T08:00:00Z"),
        _Argument("--until", metavar="TIME", help="left out: now"),
    ),
}


if __name__ == "__main__":
    sys.exit(main())
