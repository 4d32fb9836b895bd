"""Cuts a text into what is literal and what a value takes the place of.

``{{name|description}}`` is a field for the model, ``{{name:type|description}}`` one with a type,
``{{name}}`` a value of the context. Whatever else stands in braces is text, as Markdown has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.templates.value_type import ValueType, parse_type

MAX_DESCRIPTION = 5000
"""Characters of one field's description."""

SINGLE_BRACED = ("slides", "videoplayer", "source_language", "target_language")
"""What may also stand in single braces; text, where the context knows nothing of the name."""

# Possessive: a repeat never gives back what it took. Otherwise a slot of spaces would be quadratic.
_SLOT = re.compile(
    r"""\s*+ (?P<name>[A-Za-z_][A-Za-z0-9_]{0,63}+)
        \s*+ (?: : \s*+ (?P<type>\w++ (?:\s*+<[^<>|]*+>)?+) )?+
        \s*+ (?: \| (?P<description>.*+) )?+""",
    re.VERBOSE | re.DOTALL,
)
_SINGLE = re.compile(r"\{(" + "|".join(SINGLE_BRACED) + r")\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place that a value takes."""

    name: str
    source: str
    """As it stands in the template."""
    description: str | None = None
    """What the model shall find; None: the value comes from elsewhere."""
    type: ValueType | None = None
    """None: the template names none."""
    single: bool = False
    """In single braces: left as it is, where there is no value."""


Part = str | Placeholder
"""A literal text or a slot."""


def invalid(message: str) -> PermanentError:
    """The error of a template that cannot be used; *message* is for its author."""
    return PermanentError(message, code=ErrorCode.TEMPLATE_INVALID)


def cut(text: str) -> list[Part]:
    """The parts of *text* in order; their sources together are *text*.

    Raises:
        PermanentError: TEMPLATE_INVALID, a slot with a type there is not or a description too long.
    """
    parts: list[Part] = []
    # All literals of a group are joined at once: one by one, each join would copy those before it.
    for is_literal, group in groupby(_cut_double(text), key=lambda part: isinstance(part, str)):
        if not is_literal:
            parts += group
        elif literal := "".join(map(_source, group)):
            parts.append(literal)
    return parts


def source_of(parts: list[Part]) -> str:
    """What *parts* were cut from."""
    return "".join(map(_source, parts))


def _source(part: Part) -> str:
    return part if isinstance(part, str) else part.source


def _cut_double(text: str) -> Iterator[Part]:
    done = 0  # everything before is handed out; so each character is looked at a few times only
    while (end := text.find("}}", done)) >= 0:
        start = text.rfind("{{", done, end)
        slot = _slot(text, start, end) if start >= 0 else None
        if slot is None:
            yield from _cut_single(text[done : end + 2])
        else:
            yield from _cut_single(text[done:start])
            yield slot
        done = end + 2
    yield from _cut_single(text[done:])


def _slot(text: str, start: int, end: int) -> Placeholder | None:
    match = _SLOT.fullmatch(text, start + 2, end)
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
    told = description and description.strip()
    return Placeholder(match["name"], text[start : end + 2], told or None, value_type)


def _cut_single(text: str) -> Iterator[Part]:
    done = 0
    for match in _SINGLE.finditer(text):
        yield text[done : match.start()]
        yield Placeholder(match[1], match[0], single=True)
        done = match.end()
    yield text[done:]
