"""Puts values in place of slots, once: what a value contains is never looked at again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from secretary_documents.templates.front_matter import Piece, Scalar
from secretary_documents.templates.template import Template
from secretary_documents.templates.token import Part, Placeholder, invalid
from secretary_documents.templates.value_type import Kind
from secretary_documents.templates.yaml_value import yaml_value

MAX_RENDERED = 64 * 2**20
"""Characters of a filled-in template: one may name the whole text a hundred times."""

_SURROGATES = dict.fromkeys(range(55296, 57344), "�")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template with everything filled in."""

    text: str
    warnings: tuple[str, ...]
    """Names that have no value."""


@dataclass(slots=True)
class _Values:
    """What the names stand for: what the model found, else what the context says."""

    found: Mapping[str, Any]
    context: Mapping[str, Any]
    fields: Mapping[str, Kind]
    unknown: dict[str, None] = field(default_factory=dict)
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    """Values as they were written already, by name and manner: a template may name one often."""

    def text(self, slot: Placeholder, *, alone: bool = False) -> str:
        """The value of *slot* for readers."""
        manner = "alone" if alone else "text"
        return self._written(slot, manner, lambda value: text_of(value, alone=alone))

    def yaml(self, slot: Placeholder) -> str:
        """The value of *slot* as YAML."""
        return self._written(slot, "yaml", yaml_value)

    def _written(self, slot: Placeholder, manner: str, write: Callable[[Any], str]) -> str:
        if self._known(slot.name) is None:
            return write(self.of(slot))
        key = (slot.name, manner)
        if key not in self.written:
            self.written[key] = write(self.of(slot))
        return self.written[key]

    def _known(self, name: str) -> Any:
        value = self.found.get(name)
        return self.context.get(name) if value is None else value

    def of(self, slot: Placeholder) -> Any:
        value = self._known(slot.name)
        if value is not None:
            return value
        if slot.single:
            return slot.source
        if slot.name not in self.fields and slot.name not in self.context:
            self.unknown[slot.name] = None
        kind = slot.type.kind if slot.type else self.fields.get(slot.name, Kind.TEXT)
        return {Kind.TEXT: "", Kind.LIST: []}.get(kind)


def render(template: Template, found: Mapping[str, Any], context: Mapping[str, Any]) -> Rendered:
    """*template* with what the model *found* and what the *context* says.

    Raises:
        PermanentError: TEMPLATE_INVALID, the text would be larger than ``MAX_RENDERED``.
    """
    values = _Values(found, context, {one.name: one.type.kind for one in template.fields})
    pieces: Iterable[str] = ()
    if template.front_matter is not None:
        yaml = (_yaml(piece, values) for piece in template.front_matter)
        pieces = chain(["---\n"], yaml, ["---\n"])
    text = _join(chain(pieces, _texts(template.body, values)))
    return Rendered(text, tuple(f"{name!r} has no value" for name in values.unknown))


def render_system(template: Template, context: Mapping[str, Any]) -> str | None:
    """The system prompt of *template*, if it has one.

    Raises:
        PermanentError: TEMPLATE_INVALID, the text would be larger than ``MAX_RENDERED``.
    """
    if template.system is None:
        return None
    return _join(_texts(template.system, _Values({}, context, {})))


def text_of(value: Any, *, alone: bool = False) -> str:
    """*value* as a reader wants it; *alone* on its lines a list has a line for each item.

    There, rows become a table; whatever else has parts is JSON.
    """
    match value:
        case None:
            return ""
        case str():
            return value.translate(_SURROGATES) if not value.isascii() else value
        case list() | tuple() if all(isinstance(item, str | int | float) for item in value):
            items = [text_of(item) for item in value]
            return "\n".join(f"- {item}" for item in items) if alone else ", ".join(items)
        case list() if alone and all(_is_row(item) for item in value):
            return _table(value)
    return json.dumps(value, ensure_ascii=False, default=str).translate(_SURROGATES)


def _is_row(item: Any) -> bool:
    return isinstance(item, dict) and not any(
        isinstance(cell, dict | list | tuple) for cell in item.values()
    )


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[text_of(row.get(name)) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").split())


def _texts(parts: Sequence[Part], values: _Values) -> Iterator[str]:
    for index, part in enumerate(parts):
        if isinstance(part, str):
            yield part
        else:
            yield values.text(part, alone=_is_alone(parts, index))


def _is_alone(parts: Sequence[Part], index: int) -> bool:
    before = parts[index - 1] if index else "\n"
    after = parts[index + 1] if index + 1 < len(parts) else "\n"
    return (
        isinstance(before, str)
        and isinstance(after, str)
        and before.endswith("\n")
        and after.startswith("\n")
    )


def _yaml(piece: Piece, values: _Values) -> str:
    if isinstance(piece, str):
        return piece
    whole = piece.whole
    if whole is not None and not piece.quoted:
        written = values.yaml(whole)
    else:
        written = yaml_value(_text_of_scalar(piece, values))
    return written + "\n" if piece.ends_line else written


def _text_of_scalar(scalar: Scalar, values: _Values) -> str:
    return "".join(part if isinstance(part, str) else values.text(part) for part in scalar.parts)


def _join(pieces: Iterable[str]) -> str:
    """*pieces* as one text; no more of them are made than the limit takes."""
    joined: list[str] = []
    length = 0
    for piece in pieces:
        joined.append(piece)
        length += len(piece)
        if length > MAX_RENDERED:
            raise invalid(f"the filled-in template has more than {MAX_RENDERED} characters")
    return "".join(joined)
