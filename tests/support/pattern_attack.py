"""Makes texts from a regular expression on which it may be slow.

For each repeat of the pattern, a text has a prefix that reaches the repeat, many of the characters
that it takes, and an end at which it fails.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

_parser: Any = import_module("re._parser")  # by name: typeshed does not know it
_compiler: Any = import_module("re._compiler")

# Characters of many kinds. The characters that the pattern itself names come first.
_COMMON = "a0 \n!_-.<>{}[]()\"'\\/:|=&#\t\r\x00\x85é\u2003\ue000"
_MOST_CHARACTERS = 7
_LONG = 64
"""A repeat with fewer turns is bounded; the growth does not depend on it."""
_REPEATS = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}


@dataclass(frozen=True)
class Attack:
    """A text of any length: ``prefix + pump * n + suffix``."""

    prefix: str
    pump: str
    suffix: str

    def of(self, size: int, pattern: re.Pattern[Any]) -> Any:
        """Return the text of about *size* characters, of the type that *pattern* takes."""
        text = self.prefix + self.pump * (size // len(self.pump)) + self.suffix
        return text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")

    def __str__(self) -> str:
        return f"{self.prefix!r} + {self.pump!r} * n + {self.suffix!r}"


def attacks_on(pattern: re.Pattern[Any]) -> list[Attack]:
    """Return the texts that the structure of *pattern* suggests."""
    source = pattern.pattern
    parsed = _parser.parse(source, pattern.flags & ~re.DEBUG)
    # Its own state holds the flags that compiling a part needs.
    shape = _Shape(parsed.state, pattern.flags, bytes_only=isinstance(source, bytes))
    attacks: dict[Attack, None] = {}
    for optional in (False, True):
        for prefix, body in shape.repeats(list(parsed), "", optional=optional):
            for attack in _around(shape, prefix, body):
                attacks[attack] = None
    return list(attacks)


def _around(shape: "_Shape", prefix: str, body: list[Any]) -> Iterator[Attack]:
    characters = shape.first_characters(body)
    whole = shape.sample(body, optional=True)
    pairs = [one + other for one in characters[:4] for other in characters[:4] if one != other]
    for pump in dict.fromkeys([*characters, whole, *pairs]):
        if pump:
            for suffix in ("", "!\x00", "<", "\n"):
                yield Attack(prefix, pump, suffix)
    for again in (prefix, prefix + whole, *(prefix + one for one in characters[:3])):
        if again:
            yield Attack("", again, "")
            yield Attack("", again, "!\x00")


class _Shape:
    """Reads a parsed pattern."""

    def __init__(self, state: Any, flags: int, *, bytes_only: bool) -> None:
        self._state = state
        self._flags = flags
        literals = "".join(_literals(state.str))
        alphabet = dict.fromkeys(literals + _COMMON)
        self._alphabet = [one for one in alphabet if not bytes_only or one <= "\xff"]
        self._bytes_only = bytes_only

    def repeats(
        self, items: list[Any], prefix: str, *, optional: bool
    ) -> Iterator[tuple[str, list[Any]]]:
        """Yield each long repeat among *items*: a text that comes before it, and its items."""
        for item in items:
            op, value = item
            if op in _REPEATS and value[1] >= _LONG:
                yield prefix, list(value[2])
            for inner in _inner(op, value):
                yield from self.repeats(inner, prefix, optional=optional)
            prefix += self.sample([item], optional=optional)

    def sample(self, items: list[Any], *, optional: bool) -> str:
        """Return a text that *items* take; *optional* parts are in it only if that is true."""
        return "".join(self._one(op, value, optional=optional) for op, value in items)

    def _one(self, op: Any, value: Any, *, optional: bool) -> str:
        if op in _REPEATS:
            turns = max(value[0], 1 if optional and value[1] else 0)
            return self.sample(list(value[2]), optional=optional) * int(min(turns, 8))
        if op is _parser.BRANCH:
            return self.sample(list(value[1][0]), optional=optional)
        if op in (_parser.SUBPATTERN, _parser.ATOMIC_GROUP):
            (inner,) = _inner(op, value)
            return self.sample(inner, optional=optional)
        if op in (_parser.ASSERT, _parser.ASSERT_NOT, _parser.AT, _parser.GROUPREF):
            return ""
        return next(iter(self._taken(op, value)), "")

    def first_characters(self, items: list[Any]) -> list[str]:
        """Return characters that *items* may begin with."""
        found: dict[str, None] = {}
        for op, value in items:
            inners = _inner(op, value)
            if op in (_parser.ASSERT, _parser.ASSERT_NOT, _parser.AT):
                continue
            if inners:
                found |= dict.fromkeys(
                    one for part in inners for one in self.first_characters(part)
                )
            else:
                found |= dict.fromkeys(self._taken(op, value))
            if not (op in _REPEATS and value[0] == 0):
                break
        return list(found)[:_MOST_CHARACTERS]

    def _taken(self, op: Any, value: Any) -> list[str]:
        part = _parser.SubPattern(self._state, [(op, value)])
        compiled = _compiler.compile(part, self._flags)
        every = [one for one in self._alphabet if compiled.fullmatch(self._typed(one))]
        # A few of its own, and of each kind: a space and a line feed are what others take too.
        common = [one for one in " \n\ta0<" if one in every]
        return list(dict.fromkeys([*every[:3], *common, *every]))[:_MOST_CHARACTERS]

    def _typed(self, character: str) -> Any:
        return character.encode("latin-1") if self._bytes_only else character


def _inner(op: Any, value: Any) -> list[list[Any]]:
    """Return the parts of an item, each a list of items."""
    if op in _REPEATS:
        return [list(value[2])]
    if op is _parser.BRANCH:
        return [list(branch) for branch in value[1]]
    if op is _parser.SUBPATTERN:
        return [list(value[-1])]
    if op is _parser.ATOMIC_GROUP:
        return [list(value)]
    if op in (_parser.ASSERT, _parser.ASSERT_NOT):
        return [list(value[1])]
    return []


def _literals(source: str | bytes) -> Iterator[str]:
    text = source if isinstance(source, str) else source.decode("latin-1")
    # Escapes and letters of the syntax come along; they do no harm.
    yield from (one for one in text if not one.isspace())
