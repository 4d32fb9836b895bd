"""Values that MongoDB can store: values of clients are checked, values of handlers are cleaned.

BSON holds 64-bit integers and well-formed UTF-8, no NUL in a key, and limited nesting; JSON has
neither NaN nor infinity. This module finds values that break these rules, with their path, before
they join a group of writes. There, one bad document would fail the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from secretary_common.errors import NotStorable
from secretary_common.runtime.clock import to_milliseconds

MAX_DEPTH = 100
"""The most levels of nesting; MongoDB guarantees 100."""
MAX_TEXT_BYTES = 64 * 1024
"""The longest message or log entry, in bytes of UTF-8; longer ones are cut."""
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_PIECE_CHARACTERS = 1024 * 1024
_CUT_MARK = "…"
_MARKED_BYTES = 32
"""Space for the marks of a cut object."""
# MongoDB's drivers read a document with these keys as a DBRef: the value would change.
_REFERENCE_KEYS = frozenset({"$ref", "$id"})


def check_storable(value: Any, path: str = "") -> None:
    """Check that *value*, which is parsed JSON, can be stored unchanged.

    Args:
        value: a client's value.
        path: the client's name for it, e.g. ``parameters``.

    Raises:
        NotStorable: with the path of the first part that cannot be stored.
    """
    if not _is_storable(value, 1):
        _rebuilt(value, (None, path), 1, _checked_text, _checked_key)  # finds the part


def cleaned(value: Any, path: str = "") -> Any:
    """Return *value*, which a handler wrote, in a form that can be stored.

    Lone surrogates, and NUL in keys, become U+FFFD; tuples become lists; integer keys become text.

    Raises:
        NotStorable: with the path of the first part that cannot be cleaned.
    """
    return _rebuilt(value, (None, path), 1, _clean_text, _clean_key)


def cut_text(text: str, limit: int = MAX_TEXT_BYTES) -> str:
    """Return *text*, cleaned and cut to *limit* bytes of UTF-8; a mark shows the cut."""
    encoded = _without_surrogates(text).encode()
    if len(encoded) <= limit:
        return encoded.decode()
    kept = encoded[: max(0, limit - len(_CUT_MARK.encode()))]
    return kept.decode(errors="ignore") + _CUT_MARK


def cut_object(value: dict[str, Any], limit: int = MAX_TEXT_BYTES) -> dict[str, Any]:
    """Return *value*, which is clean, cut to about *limit* bytes of JSON.

    The first keys are kept. Text that does not fit is cut; a mark replaces other values that do
    not fit.
    """
    if len(to_json(value)) <= limit:
        return value
    kept: dict[str, Any] = {}
    left = limit - _MARKED_BYTES
    for name, part in value.items():
        left -= len(to_json(name)) + len(":,")
        if left <= 0:
            kept[_CUT_MARK] = _CUT_MARK
            break
        if len(to_json(part)) <= left:
            kept[name] = part
        else:
            # A control character takes six bytes in JSON.
            kept[name] = cut_text(part, left // 6) if isinstance(part, str) else _CUT_MARK
        left -= len(to_json(kept[name]))
    return kept


def refusal(path: str, why: str) -> NotStorable:
    """Return the error that names *path* and says *why*; its text can always be printed."""
    field = _without_surrogates(path).replace("\0", "\ufffd") or "body"
    return NotStorable(f"{field}: {why}", details={"fields": [{"field": field, "message": why}]})


def _is_storable(value: Any, depth: int) -> bool:
    """Return whether *value*, parsed JSON, can be stored unchanged, quickly and without a path."""
    kind = type(value)
    if kind is str:
        return not _has_surrogates(value)
    if kind is int:
        return bool(_INT64_MIN <= value <= _INT64_MAX)
    if kind is float:
        return math.isfinite(value)
    if kind is dict:
        return depth <= MAX_DEPTH and _is_storable_object(value, depth)
    if kind is list:
        return depth <= MAX_DEPTH and all(_is_storable(item, depth + 1) for item in value)
    return value is None or kind is bool


def _is_storable_object(value: dict[str, Any], depth: int) -> bool:
    if "$ref" in value and value.keys() >= _REFERENCE_KEYS:
        return False
    for name, item in value.items():
        if "\0" in name or _has_surrogates(name) or not _is_storable(item, depth + 1):
            return False
    return True


# A part and its parents. There may be millions of paths; only the path of an error becomes text.
_Path = tuple["_Path | None", Any]
_Text = Callable[[str, _Path], str]
_Key = Callable[[Any, _Path], str]


def _refusal(path: _Path, why: str) -> NotStorable:
    parts: list[Any] = []
    part: _Path | None = path
    while part:
        parts.append(part[1])
        part = part[0]
    root, *rest = reversed(parts)
    spelled = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest]
    return refusal(f"{root}{''.join(spelled)}".removeprefix("."), why)


def _root(path: _Path) -> str:
    while path[0]:
        path = path[0]
    return str(path[1])


def _rebuilt(value: Any, path: _Path, depth: int, text: _Text, key: _Key) -> Any:
    if isinstance(value, str):
        return text(value, path)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | datetime):
        return _number_or_time(value, path)
    if not isinstance(value, dict | list | tuple):
        raise _refusal(path, f"a value of type {type(value).__name__} cannot be stored")
    if depth > MAX_DEPTH:
        raise refusal(_root(path), f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return _rebuilt_object(value, path, depth, text, key)
    return [_rebuilt(item, (path, index), depth + 1, text, key) for index, item in enumerate(value)]


def _rebuilt_object(
    value: dict[Any, Any], path: _Path, depth: int, text: _Text, key: _Key
) -> dict[str, Any]:
    if value.keys() >= _REFERENCE_KEYS:
        raise _refusal(path, "an object with both $ref and $id cannot be stored")
    rebuilt = {
        key(name, path): _rebuilt(item, (path, name), depth + 1, text, key)
        for name, item in value.items()
    }
    if len(rebuilt) != len(value):
        raise _refusal(path, "two keys are the same once they are cleaned")
    return rebuilt


def _number_or_time(value: float | datetime, path: _Path) -> float | datetime:
    if isinstance(value, datetime):
        try:
            return _as_stored(value)
        except OverflowError:
            raise _refusal(path, "a time beyond the years 1 to 9999 cannot be stored") from None
    # An instance of a subclass, e.g. a member of an enum, is stored as the plain number.
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refusal(path, "NaN and infinity cannot be stored")
        return float(value)
    number = int(value)
    if not _INT64_MIN <= number <= _INT64_MAX:
        raise _refusal(path, "an integer over 64 bit cannot be stored")
    return number


def _as_stored(moment: datetime) -> datetime:
    """Return *moment* as MongoDB would return it: UTC, whole milliseconds."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return to_milliseconds(aware.astimezone(UTC))


def _has_surrogates(text: str) -> bool:
    if text.isascii():
        return False
    try:
        for start in range(0, len(text), _PIECE_CHARACTERS):  # never copies all
            text[start : start + _PIECE_CHARACTERS].encode()
    except UnicodeEncodeError:
        return True
    return False


def _without_surrogates(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates."""
    if not _has_surrogates(text):
        return str.__str__(text)  # the plain text: a subclass may override __str__
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _checked_text(text: str, path: _Path) -> str:
    if _has_surrogates(text):
        raise _refusal(path, "text with a lone surrogate cannot be stored")
    return text


def _checked_key(name: Any, path: _Path) -> str:
    if "\0" in name:
        raise _refusal((path, name), "a key with NUL cannot be stored")
    return _checked_text(name, (path, name))


def _clean_text(text: str, _path: _Path) -> str:
    return _without_surrogates(text)


def _clean_key(name: Any, path: _Path) -> str:
    if isinstance(name, int) and not isinstance(name, bool):
        return str(int(name))
    if not isinstance(name, str):
        raise _refusal(path, f"a key of type {type(name).__name__} cannot be stored")
    return _without_surrogates(name).replace("\0", "\ufffd")
