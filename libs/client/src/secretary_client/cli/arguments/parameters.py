"""How the text of an argument becomes a value: ``NAME=VALUE``, seconds, the content of a file."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Never

import typer

_PARAMETER = re.compile(r"[A-Za-z_]\w*=")


def is_parameter(given: str) -> bool:
    """Return whether *given* is ``NAME=VALUE``; ``./a=b`` is a path."""
    return _PARAMETER.match(given) is not None


def parameter_of(given: str) -> tuple[str, Any]:
    """Return the name and the value of ``name=value``, or of ``name=@file``.

    The value is JSON if it can be parsed, else text. The content of a file is text.
    """
    name, _, value = given.partition("=")
    if value.startswith("@"):
        return name, Path(value[1:]).read_text(encoding="utf-8")
    try:
        return name, json.loads(value, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError:
        return name, value


def seconds(given: str) -> float:
    """Return *given* as a number of seconds, for a parser of typer.

    Raises:
        typer.BadParameter: it is not a number from 0 on.
    """
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise typer.BadParameter(f"{given!r} is not a number of seconds")
    return value


def header_of(given: str) -> tuple[str, str]:
    """Return the name and the value of ``name=value``, or of ``name=@file``.

    Raises:
        typer.BadParameter: *given* has another form.
    """
    name, equals, value = given.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{given!r} is not NAME=VALUE")
    return name, secret_in(Path(value[1:])) if value.startswith("@") else value


def secret_in(path: Path) -> str:
    """Return the secret in a file: an argument would show it to other users of the machine."""
    return path.read_text(encoding="utf-8").strip()


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number
