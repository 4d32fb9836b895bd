"""Finds the regular expressions in the modules of packages, and how the packages use them."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

METHODS = ("search", "match", "fullmatch", "sub")
_USE = re.compile(r"\bre\s*\.")
_SAME_AS = {"finditer": "sub", "findall": "sub", "subn": "sub", "split": "sub"}


@dataclass(frozen=True)
class Found:
    """A compiled pattern of a package."""

    place: str
    """``module.NAME``."""
    pattern: re.Pattern[Any]
    methods: tuple[str, ...] = METHODS
    """How the packages use it."""


def patterns_of(packages: Sequence[str]) -> list[Found]:
    """Return every compiled pattern in the modules and classes of *packages*, each once."""
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
        """Return the methods that are called of *name*; all, if none is seen."""
        last = name.rpartition(".")[2]
        called = self._by_name.get((_owner(module, last), last), set())
        methods = {_SAME_AS.get(one, one) for one in called}
        return tuple(one for one in METHODS if one in methods) or METHODS


def _owner(module: ModuleType, name: str) -> str:
    """Return the only module that can use *name*; empty if others may import it."""
    return module.__name__ if name.startswith("_") else ""


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=str(name)) | ast.Attribute(attr=str(name)):
            return name
    return ""


def _source(module: ModuleType) -> str:
    return Path(module.__file__).read_text() if module.__file__ else ""


def calls_inside_functions(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each call of ``re`` in a function, whose pattern no test sees."""
    if not _USE.search(source):
        return
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
