"""Writes a value as YAML on one line, so that it can stand wherever a scalar can.

Texts are always quoted: ``no``, ``1.0``, ``2026-01-01``, ``- x``, ``a: b`` stay the texts they are.
"""

from __future__ import annotations

import math
import re
from typing import Any

# What a reader of YAML refuses, breaks lines at or takes for a byte order mark (YAML 1.2.2, §5.1).
_UNWRITABLE = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# A key on one line has at most 1024 characters (§7.4.2), written as it is written.
_KEY_ON_ONE_LINE = 1000


def yaml_value(value: Any) -> str:
    """*value*, of JSON's types, as flow YAML on one line; ``yaml.safe_load`` gives it back.

    Lone surrogates become U+FFFD, for they are no text; what is of no JSON type becomes its text.
    """
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return str(value)
        case float():
            return _float(value)
        case list() | tuple():
            return f"[{', '.join(map(yaml_value, value))}]"
        case dict():
            return f"{{{', '.join(_entry(key, item) for key, item in value.items())}}}"
    return f'"{_UNWRITABLE.sub(_escape, str(value))}"'


def _entry(key: Any, value: Any) -> str:
    written = yaml_value(str(key))
    mark = "? " if len(written) > _KEY_ON_ONE_LINE else ""
    return f"{mark}{written}: {yaml_value(value)}"


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, exponent, power = repr(value).partition("e")
    # YAML 1.1 takes 1e+20 for a text: it wants the point, and a sign.
    point = "" if "." in digits else ".0"
    return f"{digits}{point}{exponent}{power}"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
