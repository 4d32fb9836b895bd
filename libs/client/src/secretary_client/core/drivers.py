"""The drivers: they carry out the effects of flows with httpx."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import anyio.to_thread
import httpx

from secretary_client.core.clock import ClientClock
from secretary_client.core.effect import Effect, Flow, Item, Items, Open, Read, Request, Send, Sleep

T = TypeVar("T")
Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)


class Steps(Generic[T]):
    """The steps of a flow, one after the other."""

    result: T

    def __init__(self, flow: Flow[T]) -> None:
        """Go to the first effect of *flow*."""
        self._flow = flow
        self.effect: Effect | Item[Any] | None = None
        """What to do next; None: the flow has returned its result."""
        self.succeed(None)

    def succeed(self, outcome: Any) -> None:
        """Go on with the outcome of the effect."""
        try:
            self.effect = self._flow.send(outcome)
        except StopIteration as end:
            self._end(end)

    def fail(self, error: Exception) -> None:
        """Go on with the error of the effect."""
        try:
            self.effect = self._flow.throw(error)
        except StopIteration as end:
            self._end(end)

    def close(self) -> None:
        """End the flow early."""
        self._flow.close()

    def _end(self, end: StopIteration) -> None:
        self.effect, self.result = None, end.value


class Driver(Generic[Http]):
    """What both drivers have: the connections and the clock."""

    def __init__(self, http: Http, clock: ClientClock) -> None:
        """*http* is closed with the driver."""
        self._http: Http = http
        self.clock = clock

    def _built(self, request: Request) -> httpx.Request:
        return self._http.build_request(request.method, request.path, **request.options)


@dataclass(slots=True)
class _Opened:
    """The response that a flow reads, and what closes it."""

    held: ExitStack = field(default_factory=ExitStack)
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))


class SyncDriver(Driver[httpx.Client]):
    """Runs flows in the thread of the caller."""

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Return the result of *flow*; drop what it yields."""
        steps = Steps(flow)
        for _ in self._items(steps):
            pass
        return steps.result

    def items(self, flow: Items[T]) -> Iterator[T]:
        """Yield the items of *flow*."""
        yield from self._items(Steps(flow))

    def _items(self, steps: Steps[Any]) -> Iterator[Any]:
        opened = _Opened()
        try:
            while (effect := steps.effect) is not None:
                if isinstance(effect, Item):
                    yield effect.value
                    steps.succeed(None)
                    continue
                try:
                    outcome = self._outcome(effect, opened)
                except Exception as error:  # noqa: BLE001 - raised in the flow
                    steps.fail(error)
                else:
                    steps.succeed(outcome)
        finally:
            opened.held.close()
            steps.close()

    def _outcome(self, effect: Effect, opened: _Opened) -> Any:
        if isinstance(effect, Send):
            return self._http.send(self._built(effect.request))
        if isinstance(effect, Open):
            return self._open(effect.request, opened)
        if isinstance(effect, Read):
            return next(opened.chunks, None)
        if isinstance(effect, Sleep):
            return self.clock.sleep(effect.seconds)
        return effect.function()

    def _open(self, request: Request, opened: _Opened) -> httpx.Response:
        opened.held.close()
        response = self._http.send(self._built(request), stream=True)
        opened.held.callback(response.close)
        if not response.is_success:
            response.read()
        opened.chunks = response.iter_bytes()
        return response


@dataclass(slots=True)
class _AsyncOpened:
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    chunks: AsyncIterator[bytes] | None = None


class AsyncDriver(Driver[httpx.AsyncClient]):
    """Runs flows in an event loop, of asyncio or trio."""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Return the result of *flow*; drop what it yields."""
        steps = Steps(flow)
        async for _ in self._items(steps):
            pass
        return steps.result

    async def items(self, flow: Items[T]) -> AsyncIterator[T]:
        """Yield the items of *flow*; a caller that closes the iterator closes the connection."""
        async with aclosing(self._items(Steps(flow))) as items:
            async for item in items:
                yield item

    async def _items(self, steps: Steps[Any]) -> AsyncGenerator[Any, None]:
        opened = _AsyncOpened()
        try:
            while (effect := steps.effect) is not None:
                if isinstance(effect, Item):
                    yield effect.value
                    steps.succeed(None)
                    continue
                try:
                    outcome = await self._outcome(effect, opened)
                except Exception as error:  # noqa: BLE001 - raised in the flow
                    steps.fail(error)
                else:
                    steps.succeed(outcome)
        finally:
            await opened.held.aclose()
            steps.close()

    async def _outcome(self, effect: Effect, opened: _AsyncOpened) -> Any:
        if isinstance(effect, Send):
            return await self._http.send(self._built(effect.request))
        if isinstance(effect, Open):
            return await self._open(effect.request, opened)
        if isinstance(effect, Read):
            return await anext(opened.chunks, None) if opened.chunks else None
        if isinstance(effect, Sleep):
            return await self.clock.sleep_async(effect.seconds)
        return await anyio.to_thread.run_sync(effect.function)

    async def _open(self, request: Request, opened: _AsyncOpened) -> httpx.Response:
        await opened.held.aclose()
        response = await self._http.send(self._built(request), stream=True)
        opened.held.push_async_callback(response.aclose)
        if not response.is_success:
            await response.aread()
        opened.chunks = response.aiter_bytes()
        return response
