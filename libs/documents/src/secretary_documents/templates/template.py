"""Parses a template: front matter, text, system prompt, and the fields for the model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from secretary_common.models import JsonObject
from secretary_documents.templates.front_matter import Piece, Scalar, parse_front_matter
from secretary_documents.templates.placeholder import Part, Placeholder, invalid, split_parts
from secretary_documents.templates.value_type import Kind, ValueType, object_schema

MAX_TEMPLATE_BYTES = 256 * 1024
MAX_FIELDS = 200

# A field with such a name and no type is a list, if it is a whole value of the front matter.
_LISTS = frozenset(
    ("affiliations", "attachments", "chapters", "slides", "speakers", "tags", "toc", "topics")
)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<yaml>.*?)(?<=\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_SYSTEM_PROMPT = re.compile(r"^---[ \t]*systemprompt[ \t]*$\n?", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Field:
    """A value that the model must find."""

    name: str
    description: str
    type: ValueType

    def schema(self) -> JsonObject:
        """Return the JSON Schema of the field's value."""
        return {**self.type.schema(), "description": self.description}


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template."""

    front_matter: tuple[Piece, ...] | None
    body: tuple[Part, ...]
    system: tuple[Part, ...] | None
    fields: tuple[Field, ...]
    """The fields in the order of their first description."""
    sha256: str
    """The digest of the whole template."""


def parse_template(content: str) -> Template:
    """Parse a template.

    Raises:
        PermanentError: TEMPLATE_INVALID; the message names the fault and its place.
    """
    encoded = content.encode(errors="surrogatepass")
    if len(encoded) > MAX_TEMPLATE_BYTES:
        raise invalid(f"a template has at most {MAX_TEMPLATE_BYTES} bytes")
    text = content.removeprefix("\ufeff").replace("\r\n", "\n")
    text, system = _split_system(text)
    front, body = _split_front_matter(text)
    parts = tuple(split_parts(body))
    return Template(
        front_matter=front,
        body=parts,
        system=None if system is None else tuple(split_parts(system)),
        fields=_fields(front or (), parts),
        sha256=hashlib.sha256(encoded).hexdigest(),
    )


def schema_of(fields: Iterable[Field]) -> JsonObject:
    """Return the JSON Schema of an answer with all *fields*, for strict structured output."""
    return object_schema({field.name: field.schema() for field in fields})


def faults(fields: Iterable[Field], answer: JsonObject) -> list[str]:
    """Return the problems of *answer*. Each message names a field and contains no value."""
    known = {field.name: field for field in fields}
    found = [f"{name}: is missing" for name in known if name not in answer]
    found += [f"{name[:64]}: is not a field" for name in answer if name not in known]
    return found + [
        f"{name}: must be of the type {known[name].type}"
        for name, value in answer.items()
        if name in known and not known[name].type.fits(value)
    ]


def _split_system(text: str) -> tuple[str, str | None]:
    match = _SYSTEM_PROMPT.search(text)
    if match is None:
        return text, None
    return text[: match.start()], text[match.end() :].strip()


def _split_front_matter(text: str) -> tuple[tuple[Piece, ...] | None, str]:
    match = _FRONT_MATTER.match(text)
    if match is None:
        return None, text
    return parse_front_matter(match["yaml"]), text[match.end() :]


def _fields(front: Iterable[Piece], body: Iterable[Part]) -> tuple[Field, ...]:
    scalars = [piece for piece in front if isinstance(piece, Scalar)]
    placeholders = [part for scalar in scalars for part in scalar.parts] + list(body)
    listed = {scalar.whole.name for scalar in scalars if scalar.whole and not scalar.quoted}
    descriptions: dict[str, str] = {}
    types: dict[str, ValueType] = {}
    for placeholder in placeholders:
        if isinstance(placeholder, Placeholder) and placeholder.description is not None:
            descriptions.setdefault(placeholder.name, placeholder.description)
            if placeholder.type is not None:
                types.setdefault(placeholder.name, placeholder.type)
    if len(descriptions) > MAX_FIELDS:
        raise invalid(f"a template has at most {MAX_FIELDS} fields")
    return tuple(
        Field(name, description, types.get(name) or _usual_type(name, listed))
        for name, description in descriptions.items()
    )


def _usual_type(name: str, listed: set[str]) -> ValueType:
    return ValueType(Kind.LIST if name in _LISTS and name in listed else Kind.TEXT)
