"""Splits the text of a template into literal text and placeholders.

``{{name|description}}`` is a field whose value the model finds. ``{{name:type|description}}`` is a
field with a type. ``{{name}}`` is the value of a field or of the context. A few names may also have
single braces. All other braces are literal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.templates.value_type import ValueType, parse_type

MAX_DESCRIPTION = 5000
"""The most characters of a field's description."""

SINGLE_BRACE_NAMES = ("slides", "videoplayer", "source_language", "target_language")
"""Names that may also have single braces. Without a value such a placeholder stays as it is."""

# The repeats are possessive: they never give characters back. Otherwise a placeholder full of
# spaces would take quadratic time.
_PLACEHOLDER = re.compile(
    r"""\s*+ (?P<name>[A-Za-z_][A-Za-z0-9_]{0,63}+)
        \s*+ (?: : \s*+ (?P<type>\w++ (?:\s*+<[^<>|]*+>)?+) )?+
        \s*+ (?: \| (?P<description>.*+) )?+""",
    re.VERBOSE | re.DOTALL,
)
_SINGLE = re.compile(r"\{(" + "|".join(SINGLE_BRACE_NAMES) + r")\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place in a template that a value replaces."""

    name: str
    source: str
    """The placeholder as it is written in the template."""
    description: str | None = None
    """The description of the value for the model. With None the value comes from the field of this
    name, or from the context."""
    type: ValueType | None = None
    """The type; None if the template names no type."""
    single: bool = False
    """Whether the placeholder has single braces. Without a value it stays as it is written."""


Part = str | Placeholder
"""Literal text or a placeholder."""


def invalid(message: str) -> PermanentError:
    """Return the error for an invalid template; *message* is for the template's author."""
    return PermanentError(message, code=ErrorCode.TEMPLATE_INVALID)


def split_parts(text: str) -> list[Part]:
    """Split *text* into its parts, in order. The joined sources of the parts are *text* again.

    Raises:
        PermanentError: TEMPLATE_INVALID, a placeholder has an unknown type or a description that
            is too long.
    """
    parts: list[Part] = []
    # Adjacent literals are joined at once. To append them one by one would copy the text each time.
    split = _split_double_braces(text)
    for is_literal, group in groupby(split, key=lambda part: isinstance(part, str)):
        if not is_literal:
            parts += group
        elif literal := "".join(map(source_of, group)):
            parts.append(literal)
    return parts


def source_of(part: Part) -> str:
    """Return *part* as it is written in the template."""
    return part if isinstance(part, str) else part.source


def _split_double_braces(text: str) -> Iterator[Part]:
    done = 0  # all text before this is yielded, so each character is searched only a few times
    while (end := text.find("}}", done)) >= 0:
        start = text.rfind("{{", done, end)
        placeholder = _placeholder(text, start, end) if start >= 0 else None
        if placeholder is None:
            yield from _split_single_braces(text[done : end + 2])
        else:
            yield from _split_single_braces(text[done:start])
            yield placeholder
        done = end + 2
    yield from _split_single_braces(text[done:])


def _placeholder(text: str, start: int, end: int) -> Placeholder | None:
    match = _PLACEHOLDER.fullmatch(text, start + 2, end)
    if match is None:
        return None
    description, written = match["description"], match["type"]
    if description is not None and len(description) > MAX_DESCRIPTION:
        where = f"the description of {match['name']!r}"
        raise invalid(f"{where} has more than {MAX_DESCRIPTION} characters")
    try:
        value_type = None if written is None else parse_type(written)
    except ValueError as error:
        raise invalid(f"{match['name']!r}: {error}") from None
    stripped = description and description.strip()
    return Placeholder(match["name"], text[start : end + 2], stripped or None, value_type)


def _split_single_braces(text: str) -> Iterator[Part]:
    done = 0
    for match in _SINGLE.finditer(text):
        yield text[done : match.start()]
        yield Placeholder(match[1], match[0], single=True)
        done = match.end()
    yield text[done:]
