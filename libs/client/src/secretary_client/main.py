"""``secretary``: the API from a shell.

The API and the key come from ``SECRETARY_URL`` and ``SECRETARY_KEY``, or from ``--url`` and
``--key``. The output of a command goes to standard output; progress and errors go to standard
error. The exit code is 0 for success, 1 for a failure, 2 for an invalid command line, 3 for a job
that has not ended, and 130 after Ctrl-C.
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

from secretary_client import commands, endpoint_commands, local_extraction
from secretary_client.client import RETRY_SEC, Client
from secretary_client.error import ApiError, JobFailed, JobNotEnded, NotExtracted, Unreachable
from secretary_client.output import print_note, write

URL, KEY = "SECRETARY_URL", "SECRETARY_KEY"
DEFAULT_URL = "http://localhost:5001"
MANY = 50
_FAILURES = (
    ApiError,
    JobFailed,
    NotExtracted,
    Unreachable,
    OSError,
    ValueError,
    httpx.InvalidURL,
)
FAILED, NO_COMMAND, NOT_ENDED, INTERRUPTED = 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in *arguments* (default: of this process); return its exit code."""
    options = _parsed(arguments)
    if not options.key and options.command is not local_extraction.extract:
        print_note(f"secretary: no API key: set {KEY} or give --key")
        return NO_COMMAND
    command: commands.Command = options.command
    try:
        with Client(options.url, options.key, retry_sec=options.retry_sec) as client:
            write(command(client, options))
            sys.stdout.flush()
    except BrokenPipeError:  # the reading program has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except JobNotEnded as error:
        print_note(f"secretary: {error}")
        return NOT_ENDED
    except _FAILURES as error:
        print_note(f"secretary: {error}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; unlike in plain argparse, options may come between parameters."""
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
        help=f"how long to repeat a call while the API is away ({RETRY_SEC:g})",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, *arguments) in _COMMANDS.items():
        _add_command(subparsers, name, command, arguments)
    summary = "List endpoints, or work with one: receivers of the events of many jobs."
    group = subparsers.add_parser("endpoints", help=summary, description=summary)
    group.set_defaults(command=endpoint_commands.list_endpoints)
    actions = group.add_subparsers(metavar="ACTION")
    for name, (command, *arguments) in _ENDPOINT_COMMANDS.items():
        _add_command(actions, name, command, arguments)
    return parser


def _add_command(
    subparsers: Any, name: str, command: commands.Command, arguments: Sequence[_Argument]
) -> None:
    summary = (command.__doc__ or "").strip().replace("``", "")
    made = subparsers.add_parser(name, help=summary, description=summary)
    made.set_defaults(command=command)
    for argument in arguments:
        made.add_argument(*argument.names, **argument.options)


def _checked_parameter(given: str) -> str:
    name, equals, _ = given.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{given!r} is not NAME=VALUE")
    return given


def _count(given: str) -> int:
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"{given!r} is not a number of rows")
    return int(given)


def _seconds(given: str) -> float:
    seconds = float(given)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{given!r} is not a number of seconds")
    return seconds


class _Argument:
    """The arguments of a call of ``add_argument``."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.names = names
        self.options = options


_JOB = _Argument("job_id", metavar="JOB")
_JOBS = _Argument("job_ids", metavar="JOB", nargs="+")
_TYPE = _Argument("job_type", metavar="TYPE")
_WAIT_SEC = _Argument(
    "--wait-sec", type=_seconds, metavar="SECONDS", help="how long to follow the job at most"
)
_SPAN = (
    _Argument("--since", required=True, metavar="TIME", help="2026-01-31T08:00:00Z"),
    _Argument("--until", metavar="TIME", help="default: now"),
)
_LIMIT = _Argument("--limit", type=_count, default=MANY, help=f"rows at most ({MANY})")
_COMMANDS: dict[str, tuple[commands.Command, *tuple[_Argument, ...]]] = {
    "submit": (
        commands.submit,
        _TYPE,
        _Argument("parameters", metavar="NAME=VALUE", nargs="*", type=_checked_parameter),
        _Argument(
            "--upload", type=Path, metavar="FILE", help="upload the file and pass its id as file_id"
        ),
        _Argument("--wait", action="store_true", help="follow the job and write its results"),
        _WAIT_SEC,
        _Argument("--job-name", metavar="NAME"),
        _Argument("--tag", action="append", dest="tags", help="may be given several times"),
        _Argument("--priority", type=int, help="0 to 9"),
        _Argument("--delay-sec", type=_seconds),
        _Argument("--max-attempts", type=int),
        _Argument("--timeout-sec", type=_seconds),
        _Argument("--target", metavar="PLACE", help="s3://bucket/prefix/ for results and files"),
        _Argument("--idempotency-key", metavar="KEY", help="repeats with this key make one job"),
    ),
    "watch": (commands.watch, _JOB, _WAIT_SEC),
    "show": (commands.show, _JOB),
    "results": (commands.results, _JOB),
    "logs": (commands.logs, _JOB, _Argument("--level", default="debug")),
    "attempts": (commands.attempts, _JOB),
    "list": (
        commands.list_jobs,
        _Argument("--status"),
        _Argument("--type", metavar="TYPE"),
        _Argument("--tag"),
        _LIMIT,
    ),
    "download": (
        commands.download,
        _JOB,
        _Argument("name", nargs="?", help="without a name: all files, as a zip"),
        _Argument("--output", type=Path, metavar="FILE"),
    ),
    "extract": (
        local_extraction.extract,
        _Argument("files", type=Path, metavar="FILE", nargs="+"),
        _Argument(
            "--output", choices=("text", "markdown", "html", "json"), help="default: markdown"
        ),
        _Argument(
            "--output-dir", type=Path, metavar="FOLDER", help="write a file for each document"
        ),
        _Argument(
            "--method",
            dest="extraction_method",
            choices=("native", "ocr", "combined"),
            help="for PDFs and pictures; default: combined",
        ),
        _Argument("--language", action="append", metavar="CODE", help="for OCR, such as eng"),
        _Argument("--page-start", type=_count, metavar="PAGE"),
        _Argument("--page-end", type=_count, metavar="PAGE"),
        _Argument("--password", help="of an encrypted PDF"),
    ),
    "upload": (commands.upload, _Argument("file", type=Path)),
    "cancel": (commands.cancel, _JOBS),
    "retry": (commands.retry, _JOBS),
    "delete": (commands.delete, _JOBS),
    "all": (
        commands.act_on_all,
        _Argument("action", choices=("cancel", "retry", "delete")),
        _Argument("--status"),
        _Argument("--type", metavar="TYPE"),
        _Argument("--tag"),
        _Argument("--batch", metavar="BATCH"),
        _Argument("--user", metavar="USER"),
        _Argument("--limit", type=_count, default=1000, help="jobs at most (1000)"),
        _Argument("--cursor", help="go on after the jobs of the command before"),
    ),
    "types": (commands.types,),
    "pause": (commands.pause, _TYPE),
    "resume": (commands.resume, _TYPE),
    "workers": (commands.workers,),
    "deliveries": (
        commands.deliveries,
        _Argument("--status", help="pending, dead, delivered …"),
        _Argument("--receiver", metavar="URL", help="an origin, or a URL with this origin"),
        _Argument("--endpoint", metavar="ENDPOINT"),
        _LIMIT,
    ),
    "receivers": (commands.receivers,),
    "resend": (commands.resend, _Argument("delivery_ids", metavar="DELIVERY", nargs="+")),
    "recover": (commands.recover, *_SPAN),
}
_ENDPOINT = _Argument("endpoint_id", metavar="ENDPOINT")
_SECRET_FILE = _Argument(
    "--secret-file", type=Path, metavar="FILE", help="a file with the secret: whsec_…"
)
_ENDPOINT_FIELDS = (
    _Argument(
        "--event",
        action="append",
        dest="events",
        choices=("processing", "completed", "failed", "cancelled"),
        help="may be given several times",
    ),
    _Argument("--type", action="append", dest="job_types", help="only jobs of these types"),
    _Argument("--tag", action="append", dest="tags", help="only jobs with one of these tags"),
    _Argument(
        "--header",
        action="append",
        dest="headers",
        type=endpoint_commands.header_of,
        metavar="NAME=VALUE",
        help="NAME=@FILE reads the value from a file",
    ),
    _Argument("--enabled", action=argparse.BooleanOptionalAction),
)
_ENDPOINT_COMMANDS: dict[str, tuple[commands.Command, *tuple[_Argument, ...]]] = {
    "list": (endpoint_commands.list_endpoints,),
    "show": (endpoint_commands.show, _ENDPOINT),
    "create": (
        endpoint_commands.create,
        _Argument("target", metavar="URL"),
        _SECRET_FILE,
        *_ENDPOINT_FIELDS,
    ),
    "change": (
        endpoint_commands.change,
        _ENDPOINT,
        _Argument(
            "--target", metavar="URL", help="also for its webhooks that are not delivered yet"
        ),
        _Argument("--every-job", action="store_true", help="remove the filters"),
        *_ENDPOINT_FIELDS,
    ),
    "rotate": (
        endpoint_commands.rotate,
        _ENDPOINT,
        _SECRET_FILE,
        _Argument("--overlap-sec", type=_seconds, help="how long the old secret signs too (a day)"),
    ),
    "replay": (endpoint_commands.replay, _ENDPOINT, *_SPAN),
    "test": (endpoint_commands.test, _ENDPOINT),
    "delete": (
        endpoint_commands.delete,
        _Argument("endpoint_ids", metavar="ENDPOINT", nargs="+"),
    ),
}


if __name__ == "__main__":
    sys.exit(main())
