"""How a method that returns a flow becomes a method of both clients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from secretary_client.core.drivers import AsyncDriver, SyncDriver
from secretary_client.core.effect import Flow, Items
from secretary_client.core.requests import Requests

D = TypeVar("D", bound=SyncDriver | AsyncDriver)
P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Calls(Generic[D]):
    """Calls of the API: of the sync client with ``SyncDriver``, else of the async client."""

    def __init__(self, requests: Requests, driver: D) -> None:
        """*requests* makes the requests, *driver* runs the flows."""
        self._requests = requests
        self._driver = driver


class Call(Protocol[P, T_co]):
    """A method that returns a ``T``, with the async client a coroutine of a ``T``."""

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, instance: Calls[SyncDriver], owner: type) -> Callable[P, T_co]: ...
    @overload
    def __get__(
        self, instance: Calls[AsyncDriver], owner: type
    ) -> Callable[P, Coroutine[Any, Any, T_co]]: ...


class Listing(Protocol[P, T_co]):
    """A method that returns an iterator, with the async client an async iterator."""

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, instance: Calls[SyncDriver], owner: type) -> Callable[P, Iterator[T_co]]: ...
    @overload
    def __get__(
        self, instance: Calls[AsyncDriver], owner: type
    ) -> Callable[P, AsyncIterator[T_co]]: ...


def returns(flow: Callable[Concatenate[Any, P], Flow[T]]) -> Call[P, T]:
    """Make a method of a class of ``Calls`` that returns a flow return the flow's result."""

    def method(self: Calls[Any], *arguments: Any, **options: Any) -> Any:
        return self._driver.run(flow(self, *arguments, **options))

    return cast("Call[P, T]", _described(method, flow, "Flow"))


def yields(items: Callable[Concatenate[Any, P], Items[T]]) -> Listing[P, T]:
    """Make a method of a class of ``Calls`` that returns a flow yield the items of the flow."""

    def method(self: Calls[Any], *arguments: Any, **options: Any) -> Any:
        return self._driver.items(items(self, *arguments, **options))

    return cast("Listing[P, T]", _described(method, items, "Items"))


def _described(
    method: Callable[..., Any], source: Callable[..., Any], wrapper: str
) -> Callable[..., Any]:
    """Give *method* the name, the documentation and the signature that callers see."""
    functools.update_wrapper(method, source)
    signature = inspect.signature(source)
    returned = str(signature.return_annotation).removeprefix(f"{wrapper}[").removesuffix("]")
    shown = signature.replace(return_annotation=returned)
    method.__signature__ = shown  # type: ignore[attr-defined] # inspect reads it
    return method
