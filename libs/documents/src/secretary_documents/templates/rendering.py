"""Fills in a template. Placeholders inside of values are not replaced."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from secretary_documents.templates.front_matter import Piece, Scalar
from secretary_documents.templates.placeholder import Part, Placeholder, invalid
from secretary_documents.templates.template import Template
from secretary_documents.templates.value_type import Kind

MAX_RENDERED = 64 * 2**20
"""The most characters of a filled-in template. A template may repeat the whole text many times."""

# A quoted text must not contain these characters unescaped: quotes, backslashes, and characters
# that YAML parsers refuse or read as line breaks or a byte order mark (YAML 1.2.2, §5.1).
_UNWRITABLE = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# A key on one line has at most 1024 characters (§7.4.2), counted as it is written.
_KEY_ON_ONE_LINE = 1000
_SURROGATES = dict.fromkeys(range(55296, 57344), "�")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A filled-in template."""

    text: str
    warnings: tuple[str, ...]
    """One warning for each name in double braces that is neither a field nor in the context."""


@dataclass(slots=True)
class _Values:
    """The values of the names. The model's value of a name comes before that of the context."""

    found: Mapping[str, Any]
    context: Mapping[str, Any]
    fields: Mapping[str, Kind]
    unknown: dict[str, None] = field(default_factory=dict)
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    """The values as text or YAML, by name and form. A template may repeat a name many times."""

    def text(self, placeholder: Placeholder, *, alone: bool = False) -> str:
        """Return the value of *placeholder* as text."""
        form = "alone" if alone else "text"
        return self._written(placeholder, form, lambda value: text_of(value, alone=alone))

    def yaml(self, placeholder: Placeholder) -> str:
        """Return the value of *placeholder* as YAML."""
        return self._written(placeholder, "yaml", yaml_value)

    def _written(self, placeholder: Placeholder, form: str, write: Callable[[Any], str]) -> str:
        if self._known(placeholder.name) is None:
            return write(self.value(placeholder))
        key = (placeholder.name, form)
        if key not in self.written:
            self.written[key] = write(self.value(placeholder))
        return self.written[key]

    def _known(self, name: str) -> Any:
        value = self.found.get(name)
        return self.context.get(name) if value is None else value

    def value(self, placeholder: Placeholder) -> Any:
        """Return the value of *placeholder*. A name that is unknown is recorded."""
        value = self._known(placeholder.name)
        if value is not None:
            return value
        if placeholder.single:
            return placeholder.source
        if placeholder.name not in self.fields and placeholder.name not in self.context:
            self.unknown[placeholder.name] = None
        usual = self.fields.get(placeholder.name, Kind.TEXT)
        kind = placeholder.type.kind if placeholder.type else usual
        return {Kind.TEXT: "", Kind.LIST: []}.get(kind)


def render(template: Template, found: Mapping[str, Any], context: Mapping[str, Any]) -> Rendered:
    """Fill in *template* with the values that the model *found*, and with those of *context*.

    Raises:
        PermanentError: TEMPLATE_INVALID, the text would be longer than ``MAX_RENDERED``.
    """
    values = _Values(found, context, {one.name: one.type.kind for one in template.fields})
    pieces: Iterable[str] = ()
    if template.front_matter is not None:
        yaml = (_yaml(piece, values) for piece in template.front_matter)
        pieces = chain(["---\n"], yaml, ["---\n"])
    text = _join(chain(pieces, _texts(template.body, values)))
    return Rendered(text, tuple(f"{name!r} has no value" for name in values.unknown))


def render_system(template: Template, context: Mapping[str, Any]) -> str | None:
    """Return the filled-in system prompt of *template*; None if the template has none.

    Raises:
        PermanentError: TEMPLATE_INVALID, the text would be longer than ``MAX_RENDERED``.
    """
    if template.system is None:
        return None
    return _join(_texts(template.system, _Values({}, context, {})))


def text_of(value: Any, *, alone: bool = False) -> str:
    """Return *value* as text for readers.

    A list of texts and numbers becomes bullets if *alone* (the placeholder is alone on its line),
    otherwise text with commas. If *alone*, a list of flat dicts (rows) becomes a table. None
    becomes an empty text. Every other value that is not text becomes JSON.
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
    """Return *pieces* joined. Raise an error at the limit, before more pieces are made."""
    joined: list[str] = []
    length = 0
    for piece in pieces:
        joined.append(piece)
        length += len(piece)
        if length > MAX_RENDERED:
            raise invalid(f"the filled-in template has more than {MAX_RENDERED} characters")
    return "".join(joined)


def yaml_value(value: Any) -> str:
    """Return *value*, of JSON's types, as flow YAML on one line.

    ``yaml.safe_load`` of this line returns *value* again, with two exceptions. Lone surrogates
    become U+FFFD, because YAML cannot contain them. A value of another type becomes its text. Texts
    are always quoted, so ``no``, ``1.0``, ``2026-01-01``, ``- x`` and ``a: b`` stay texts.
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
    # In YAML 1.1 a number needs a point: it reads 1e+20 as a text.
    point = "" if "." in digits else ".0"
    return f"{digits}{point}{exponent}{power}"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
