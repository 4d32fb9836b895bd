"""The formats of texts in a JSON Schema, such as ``date``, checked as the worker's models do.

Most formats are checked by the pydantic type that a handler's model would use. The checks of e-mail
addresses and host names refuse only obvious mistakes. So the API refuses hardly any text that a
handler would accept. An unknown format is an annotation and is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from pydantic import AnyUrl, TypeAdapter, ValidationError

_LONGEST = 8192
"""The most characters of a text with a known format; a longer text is refused."""
# Only a mail server knows which addresses exist. A space or a missing part is always a mistake.
_EMAIL = re.compile(r"[^\s@]++@[^\s@]++")
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*+\.?")
_LONGEST_EMAIL = 320
_LONGEST_HOSTNAME = 254


@dataclass(frozen=True, slots=True)
class _Format:
    """The name of a format in messages, and the check of a text."""

    name: str
    accepts: Callable[[str], bool]


def _field(kind: Any) -> Callable[[str], bool]:
    adapter = TypeAdapter(kind)

    def accepts(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return accepts


def _is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def _is_hostname(text: str) -> bool:
    return len(text) <= _LONGEST_HOSTNAME and _HOSTNAME.fullmatch(text) is not None


_uuid = _Format("a UUID", _field(UUID))
_email = _Format("an e-mail address", _is_email)
_FORMATS = {
    "date": _Format("a date, e.g. 2026-01-31", _field(date)),
    "date-time": _Format("a date and time, e.g. 2026-01-31T08:00:00Z", _field(datetime)),
    "time": _Format("a time of day, e.g. 08:00:00", _field(time)),
    "duration": _Format("a duration, e.g. PT90S", _field(timedelta)),
    "email": _email,
    "idn-email": _email,
    "hostname": _Format("a host name", _is_hostname),
    "ipv4": _Format("an IPv4 address", _field(IPv4Address)),
    "ipv6": _Format("an IPv6 address", _field(IPv6Address)),
    "uri": _Format("a URL with its scheme, e.g. https://example.com", _field(AnyUrl)),
    **dict.fromkeys(("uuid", "uuid1", "uuid3", "uuid4", "uuid5"), _uuid),
}


def fits_format(text: str, format_: object) -> bool:
    """Return whether *text* has the format; True if the format is unknown."""
    known = _FORMATS.get(format_) if isinstance(format_, str) else None
    return known is None or (len(text) <= _LONGEST and known.accepts(text))


def format_rule(format_: object) -> str:
    """Return the rule in words: what a text of the format must be."""
    known = _FORMATS.get(format_) if isinstance(format_, str) else None
    return f"must be {known.name}" if known else f"must be of the format {format_}"
