"""Finds regular expressions whose time grows faster than the text they read.

``re`` cannot be interrupted and holds the interpreter's lock, so one text of a stranger would stop
every thread of a service. The inputs are made from the pattern itself: for each of its repeats a
prefix that reaches it, many of the characters that it takes, and an end at which it fails.

``python -m support.linear_pattern PACKAGE…`` checks every pattern of these packages.
"""

import ast
import importlib
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

_parser: Any = import_module("re._parser")  # by name: typeshed does not know it
_compiler: Any = import_module("re._compiler")

SIZES = (2000, 8000)
"""Characters of the first two tries: a cubic pattern shows in the first, a quadratic in both."""
LARGEST = 512_000
GROWTH = 4
MOST_GROWTH = 8.0
"""Times the CPU time for four times the text: 4 is linear, 16 quadratic."""
QUICK_SEC_PER_CHARACTER = 0.3e-6
SHORTEST_SEC = 0.02
"""Shorter times are too uncertain to be compared."""
MOST_SEC = 2.0
"""CPU time for all texts of one size; an exponential pattern is interrupted here."""
METHODS = ("search", "match", "fullmatch", "sub")
_SAME_AS = {"finditer": "sub", "findall": "sub", "subn": "sub", "split": "sub"}
# Characters of many kinds. The characters that the pattern itself names come first.
_COMMON = "a0 \n!_-.<>{}[]()\"'\\/:|=&#\t\r\x00\x85é\u2003\ue000"
_MOST_CHARACTERS = 7
_LONG = 64
"""A repeat with fewer turns is bounded; the growth does not depend on it."""
_REPEATS = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}


class TooSlow(Exception):
    """The pattern took all the CPU time it may have."""


@dataclass(frozen=True)
class Found:
    """A compiled pattern of a package."""

    place: str
    """``module.NAME``."""
    pattern: re.Pattern[Any]
    methods: tuple[str, ...] = METHODS
    """How the packages use it."""


@dataclass(frozen=True)
class Slow:
    """A text on which a pattern is more than linear."""

    method: str
    text: str
    """As an expression: prefix, pump and suffix."""
    sizes: tuple[int, int]
    seconds: tuple[float, float]

    def __str__(self) -> str:
        (first, second), (less, more) = self.sizes, self.seconds
        return (
            f"{self.method} on {self.text}: {first} characters take {less * 1000:.1f} ms, "
            f"{second} take {more * 1000:.1f} ms"
        )


@dataclass(frozen=True)
class Attack:
    """A text of any length: ``prefix + pump * n + suffix``."""

    prefix: str
    pump: str
    suffix: str

    def of(self, size: int, pattern: re.Pattern[Any]) -> Any:
        """The text of about *size* characters, of the type that *pattern* takes."""
        text = self.prefix + self.pump * (size // len(self.pump)) + self.suffix
        return text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")

    def __str__(self) -> str:
        return f"{self.prefix!r} + {self.pump!r} * n + {self.suffix!r}"


def slow_text(
    pattern: re.Pattern[Any],
    methods: Sequence[str] = METHODS,
    attacks: Sequence[Attack] = (),
) -> Slow | None:
    """The first text on which *pattern* is slower than linear; None if no such text was found.

    Args:
        pattern: the pattern.
        methods: the methods of ``re.Pattern`` to try.
        attacks: further attacks to try, before the attacks made from the pattern itself.
    """
    for method in methods:
        run = _runner(pattern, method)
        for attack in (*attacks, *attacks_on(pattern)):
            if slow := _growth(run, pattern, method, attack):
                return slow
    return None


def _runner(pattern: re.Pattern[Any], method: str) -> Callable[[Any], Any]:
    if method == "sub":
        empty = "" if isinstance(pattern.pattern, str) else b""
        return lambda text: pattern.sub(empty, text)
    bound: Callable[[Any], Any] = getattr(pattern, method)
    return bound


def _growth(
    run: Callable[[Any], Any], pattern: re.Pattern[Any], method: str, attack: Attack
) -> Slow | None:
    """What shows that *run* is more than linear on *attack*.

    Sizes grow until the time is long enough to be compared. Each doubt is settled by the shortest
    of several runs, because a busy machine makes runs longer, never shorter.
    """
    size = SIZES[0]
    text = attack.of(size, pattern)
    took = _seconds(run, text)
    while size < LARGEST and (size < SIZES[1] or took > QUICK_SEC_PER_CHARACTER * size):
        larger = size * GROWTH
        if took > MOST_SEC / 2:
            return Slow(method, str(attack), (size, size), (took, took))
        more = _seconds(run, attack.of(larger, pattern))
        if more > MOST_GROWTH * took and more > SHORTEST_SEC:
            took = min(_seconds(run, text) for _ in range(3))
            more = min(more, _seconds(run, attack.of(larger, pattern)))
            if more > MOST_GROWTH * took:
                return Slow(method, str(attack), (size, larger), (took, more))
        if more > SHORTEST_SEC:
            return None
        size, text, took = larger, attack.of(larger, pattern), more
    return None


def _seconds(run: Callable[[Any], Any], text: Any) -> float:
    begun = time.thread_time()
    try:
        with _interrupted_after(MOST_SEC):
            run(text)
    except TooSlow:
        pass
    return time.thread_time() - begun


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Raise ``TooSlow`` after *seconds* of CPU time; ``re`` checks for signals as it backtracks."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def attacks_on(pattern: re.Pattern[Any]) -> list[Attack]:
    """The texts that the structure of *pattern* suggests."""
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
        """Each long repeat among *items*: what comes before it, and what is repeated."""
        for item in items:
            op, value = item
            if op in _REPEATS and value[1] >= _LONG:
                yield prefix, list(value[2])
            for inner in _inner(op, value):
                yield from self.repeats(inner, prefix, optional=optional)
            prefix += self.sample([item], optional=optional)

    def sample(self, items: list[Any], *, optional: bool) -> str:
        """A text that *items* take; without what may be missing, unless *optional*."""
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
        """Characters that *items* may begin with."""
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
    """The parts of an item, each a list of items."""
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


def patterns_of(packages: Sequence[str]) -> list[Found]:
    """Every compiled pattern in the modules and classes of *packages*, each once."""
    modules = [module for package in packages for module in _modules(package)]
    usages = _Usages(modules)
    found: dict[int, Found] = {}
    for module in modules:
        for name, pattern in _in_namespace(vars(module), module.__name__):
            place = f"{module.__name__}.{name}"
            # ``re`` gives equal patterns as one object: it is tried as any module uses it.
            same = found.setdefault(id(pattern), Found(place, pattern, ()))
            used = {*same.methods, *usages.of(module, name)}
            methods = tuple(method for method in METHODS if method in used)
            found[id(pattern)] = replace(same, methods=methods)
    return list(found.values())


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{package}."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def _in_namespace(
    namespace: Any, module: str, name: str = "", depth: int = 0
) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(namespace, re.Pattern):
        yield name, namespace
    elif depth < 5:
        for key, value in _members(namespace, module):
            yield from _in_namespace(
                value, module, f"{name}.{key}" if name else str(key), depth + 1
            )


def _members(value: Any, module: str) -> list[tuple[Any, Any]]:
    if isinstance(value, type):
        return list(vars(value).items()) if value.__module__ == module else []
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return list(enumerate(value))
    try:
        return list(vars(value).items()) if hasattr(value, "items") else []
    except TypeError:
        return []


class _Usages:
    """Which methods of ``re.Pattern`` the modules call, by the name of the pattern."""

    def __init__(self, modules: Sequence[ModuleType]) -> None:
        self._by_name: dict[tuple[str, str], set[str]] = {}
        for module in modules:
            for node in ast.walk(ast.parse(_source(module))):
                if isinstance(node, ast.Attribute) and _last_name(node.value):
                    name = _last_name(node.value)
                    key = (_owner(module, name), name)
                    self._by_name.setdefault(key, set()).add(node.attr)

    def of(self, module: ModuleType, name: str) -> tuple[str, ...]:
        """The methods that are called of *name*; all, if none is seen."""
        last = name.rpartition(".")[2]
        called = self._by_name.get((_owner(module, last), last), set())
        methods = {_SAME_AS.get(one, one) for one in called}
        return tuple(one for one in METHODS if one in methods) or METHODS


def _owner(module: ModuleType, name: str) -> str:
    """The only module that can use *name*; empty: others may import it."""
    return module.__name__ if name.startswith("_") else ""


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=str(name)) | ast.Attribute(attr=str(name)):
            return name
    return ""


def _source(module: ModuleType) -> str:
    return Path(module.__file__).read_text() if module.__file__ else ""


def calls_inside_functions(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each call of ``re`` in a function of *source*: no test sees its pattern."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in ast.walk(tree):
        if isinstance(function, functions):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _is_of_re(node.func):
                    yield node.lineno, ast.unparse(node)


def _is_of_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr not in ("escape", "purge")
    )


# Worst cases that were found by hand or in attacks.
KNOWN = {
    "secretary_documents.templates.placeholder._PLACEHOLDER": [
        Attack("a", " ", "!"),
        Attack("a:b", " ", "!"),
    ],
    "secretary_documents.web.caption._VOICE": [Attack("", "<v.", ""), Attack("<v", " ", "")],
    "secretary_documents.web.caption._TAG": [Attack("", "<a", ""), Attack("", "{\\", "")],
    "secretary_documents.providers.structure._FENCED": [
        Attack("```", "\n", ""),
        Attack("", "```\n", ""),
    ],
    "secretary_documents.web.visible_metadata._LINK": [Attack("", "[", ""), Attack("", "[](", "")],
    "secretary_documents.web.charset._META": [
        Attack("<meta charset=", " ", ""),
        Attack("", "<meta ", ""),
    ],
    "secretary_documents.templates.template._FRONT_MATTER": [
        Attack("---\n", "--- \t", "x"),
        Attack("---\n", "---\t x\n", ""),
    ],
}


def main(packages: Sequence[str]) -> int:
    """Check *packages*; print each pattern before it is tried, then what is wrong with it."""
    failed = 0
    for found in patterns_of(packages):
        print(found.place, *found.methods, flush=True)  # noqa: T201 - a command writes
        slow = slow_text(found.pattern, found.methods, KNOWN.pop(found.place, ()))
        if slow:
            failed += 1
            print(f"  SLOW {slow}", flush=True)  # noqa: T201 - a command writes
    for place in KNOWN:
        failed += 1
        print(f"  SLOW there is no pattern {place}; name it anew in KNOWN")  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
