"""Parses the front matter of a template: YAML with placeholders in its values, not in its keys.

YAML without placeholders stays as it is written, with its comments and quotes. In place of a scalar
with placeholders the filled-in template has one line of YAML.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from secretary_documents.templates.placeholder import (
    Part,
    Placeholder,
    invalid,
    source_of,
    split_parts,
)

MAX_DEPTH = 20
MAX_FRONT_MATTER_BYTES = 16 * 1024
"""The largest front matter. The YAML parser takes about 0.2 s of CPU time for this many bytes."""
_NO_MAPPING = "the front matter must be keys with values"
_OPEN, _CLOSE = "\ue000", "\ue001"  # of the private use area: YAML gives them no meaning
_MARK = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of the front matter with placeholders in it."""

    parts: tuple[Part, ...]
    quoted: bool
    """Whether the value is in quotes. Then the filled-in value is a text."""
    ends_line: bool
    """Whether the value is a block scalar, which includes its line break."""

    @property
    def whole(self) -> Placeholder | None:
        """The placeholder, if the scalar is one placeholder and nothing else; otherwise None."""
        placeholder = self.parts[0]
        return (
            placeholder if len(self.parts) == 1 and isinstance(placeholder, Placeholder) else None
        )


Piece = str | Scalar
"""YAML that stays as it is written, or a value to fill in."""


def parse_front_matter(source: str) -> tuple[Piece, ...]:
    """Split *source*, the lines between the two ``---``, into its pieces.

    Raises:
        PermanentError: TEMPLATE_INVALID, *source* is too long, or is not a YAML mapping when its
            placeholders are filled in.
    """
    if len(source.encode(errors="surrogatepass")) > MAX_FRONT_MATTER_BYTES:
        raise invalid(f"the front matter has more than {MAX_FRONT_MATTER_BYTES} bytes")
    if _OPEN in source or _CLOSE in source:
        raise invalid("the front matter contains characters of the private use area")
    marked = _Marked(source)
    try:
        scalars = list(_Walk(marked).scalars())
    except yaml.YAMLError as error:
        raise _invalid_yaml(error) from None
    pieces: list[Piece] = []
    done = 0
    for start, end, scalar in scalars:
        pieces += [marked.original(marked.text[done:start]), scalar]
        done = end
    pieces.append(marked.original(marked.text[done:]))
    _check("".join(_example(piece) for piece in pieces))
    return tuple(piece for piece in pieces if piece)


class _Marked:
    """The source with a mark in place of each placeholder, so that a YAML parser can read it."""

    def __init__(self, source: str) -> None:
        self._placeholders: list[Placeholder] = []
        # In YAML single braces are a mapping, not a placeholder.
        self.text = "".join(
            self._mark(part)
            if isinstance(part, Placeholder) and not part.single
            else source_of(part)
            for part in split_parts(source)
        )

    def _mark(self, placeholder: Placeholder) -> str:
        self._placeholders.append(placeholder)
        return f"{_OPEN}{len(self._placeholders) - 1}{_CLOSE}"

    def original(self, text: str) -> str:
        """Return *text* as it is written in the template, with placeholders in place of marks."""
        return _MARK.sub(lambda match: self._placeholders[int(match[1])].source, text)

    def parts(self, value: str) -> tuple[Part, ...]:
        """Return the parts of a scalar's *value*."""
        found: list[Part] = []
        done = 0
        for match in _MARK.finditer(value):
            found += [value[done : match.start()], self._placeholders[int(match[1])]]
            done = match.end()
        return tuple(part for part in [*found, value[done:]] if part)


class _Walk:
    """Reads the events of the YAML. It builds no values, so a small text cannot grow large."""

    def __init__(self, marked: _Marked) -> None:
        self._marked = marked
        self._open: list[str] = []  # "key" or "value", which a mapping expects next; or "item"

    def scalars(self) -> Iterator[tuple[int, int, Scalar]]:
        """Yield the begin, the end and the value of each scalar with placeholders."""
        for event in yaml.parse(self._marked.text, Loader=yaml.SafeLoader):
            self._refuse_references(event)
            if isinstance(event, yaml.CollectionStartEvent):
                self._enter(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                self._advance()
            elif isinstance(event, yaml.ScalarEvent):
                if not self._open:
                    raise invalid(_NO_MAPPING)
                if _MARK.search(event.value):
                    yield self._scalar(event)
                self._advance()

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if not self._open and not is_mapping:
            raise invalid(_NO_MAPPING)
        if self._open and self._open[-1] == "key":
            raise _at(event, "a key must be a text; is this a misspelled field?")
        if len(self._open) >= MAX_DEPTH:
            raise _at(event, f"nested deeper than {MAX_DEPTH}")
        self._open.append("key" if is_mapping else "item")

    def _advance(self) -> None:
        if self._open and self._open[-1] != "item":
            self._open[-1] = "value" if self._open[-1] == "key" else "key"

    def _scalar(self, event: yaml.ScalarEvent) -> tuple[int, int, Scalar]:
        if self._open[-1] == "key":
            raise _at(event, "a key cannot be a field")
        if event.start_mark is None or event.end_mark is None:
            raise RuntimeError("the YAML parser gives no place for a scalar")
        start, end = event.start_mark.index, event.end_mark.index
        ends_line = self._marked.text[start:end].endswith("\n")
        parts = self._marked.parts(event.value)
        return start, end, Scalar(parts, quoted=event.style in ("'", '"'), ends_line=ends_line)

    def _refuse_references(self, event: yaml.Event) -> None:
        tagged = isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag
        if isinstance(event, yaml.NodeEvent) and (event.anchor or tagged):
            raise _at(event, "anchors, aliases and tags are not supported")
        if isinstance(event, yaml.DocumentStartEvent) and event.explicit:
            raise _at(event, "the front matter must be one document")


def _check(example: str) -> None:
    """Check that YAML parsers can read *example*, the front matter with sample values."""
    keys: Counter[str] = Counter()
    loader = yaml.SafeLoader(example)
    try:
        if (node := loader.get_single_node()) is not None:
            keys.update(key.value for key, _ in node.value)
            loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _invalid_yaml(error) from None
    # For example an impossible date such as 2026-13-01, or a number that is too large for a float.
    except (ValueError, OverflowError) as error:
        raise invalid(f"front matter: {str(error)[:200]}") from None
    if keys and (most := keys.most_common(1)[0])[1] > 1:
        raise invalid(f"front matter: {most[0]!r} occurs more than once")


def _example(piece: Piece) -> str:
    if isinstance(piece, str):
        return piece
    return '"x"\n' if piece.ends_line else '"x"'


def _invalid_yaml(error: yaml.YAMLError) -> Exception:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "does not parse"
    return invalid(f"front matter{where}: invalid YAML: {problem}")


def _at(event: yaml.Event, message: str) -> Exception:
    where = f", line {event.start_mark.line + 1}" if event.start_mark else ""
    return invalid(f"front matter{where}: {message}")
