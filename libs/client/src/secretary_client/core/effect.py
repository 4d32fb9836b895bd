"""What a flow asks its driver to do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API."""

    method: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of ``httpx.Client.build_request``."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the outcome is the ``httpx.Response`` with its body read."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request; the outcome is the ``httpx.Response``, for ``Read`` if it is a success.

    The response that the flow opened before is closed.
    """

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Read from the opened response; the outcome is some bytes, or None at the end."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Call a function that may block; the outcome is what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """Yield a value to the caller."""

    value: T


Effect = Send | Open | Read | Sleep | Work
Flow = Generator[Effect | Item[Any], Any, T]
"""A call that returns a ``T``; its driver drops the values that it yields.

An effect that fails raises its error at the ``yield``.
"""
Items = Generator[Effect | Item[T], Any, None]
"""A call that yields values."""
