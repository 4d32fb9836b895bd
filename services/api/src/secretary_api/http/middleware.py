"""Middleware of every request: trace, log line, unexpected errors, body limit, trailing slash."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secretary_api.http.errors import internal_failure
from secretary_common.errors import BodyTooLarge
from secretary_common.observing import tracing
from secretary_common.observing.trace_context import TRACEPARENT, context_of
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

_MAX_LOGGED_PATH = 300
_LONGEST_WORD = 20
"""A longer part of a path is an id."""


class RequestLog:
    """Writes one log line for each request, and answers 500 to an exception that was not caught.

    The answer gets the headers in ``state["headers"]``, whichever route or error it comes from.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0
        state = scope.setdefault("state", {})  # shared by every copy of the scope

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if "headers" in state:
                    MutableHeaders(scope=message).update(state["headers"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:  # before its body was complete: no client waits for an answer
            log.info("request.abandoned", path=_path(scope))
        except Exception as error:  # noqa: BLE001 - the last place before the server's own page
            log.error("request.failed", exc=error, path=_path(scope))
            if not status:
                await internal_failure()(scope, receive, noting)
        log.info(
            "request.answered",
            method=scope["method"],
            path=_path(scope),
            status=status,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
            **state.get("log_fields", {}),
        )


class RequestTrace:
    """Begins the trace of each POST, or continues the trace that the client names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, inside a span."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(TRACEPARENT.encode(), b"")
        parent = context_of(given.decode("latin-1"))
        name = f"POST {_without_ids(scope['path'])}"
        with tracing.span(name, parent=parent, kind=tracing.Kind.SERVER):
            if here := tracing.current():
                fields = scope.setdefault("state", {}).setdefault("log_fields", {})
                fields["trace_id"] = here.context.trace
            await self._app(scope, receive, send)


def _without_ids(path: str) -> str:
    """Return *path* with one word for all ids, because names of spans must be few."""
    return "/".join("{id}" if len(part) > _LONGEST_WORD else part for part in path.split("/"))


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest size of a body, and the name of its setting."""

    max_bytes: int
    setting: str


class BodyLimit:
    """Stops a body at its limit, whether its size is announced or not; buffers nothing."""

    def __init__(self, app: ASGIApp, limit: Limit, others: Mapping[str, Limit]) -> None:
        """*others*: the paths with limits of their own."""
        self._app = app
        self._limit = limit
        self._others = others

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on; reading too much of its body raises ``BodyTooLarge``."""
        announced, received = _announced_bytes(scope), 0
        limit = self._others.get(scope.get("path", "").rstrip("/"), self._limit)

        async def limited() -> Message:
            nonlocal received
            if announced > limit.max_bytes:
                raise _refusal(limit)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit.max_bytes:
                raise _refusal(limit)
            return message

        return self._app(scope, limited if scope["type"] == "http" else receive, send)


class OptionalSlash:
    """Makes a path work with and without its trailing slash, without a redirect."""

    def __init__(self, app: ASGIApp, slashed: Collection[str]) -> None:
        """*slashed*: the paths that are registered with a trailing slash."""
        self._app = app
        self._slashed = frozenset(slashed)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on under its registered path."""
        if scope["type"] == "http" and (path := self._registered(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path}  # the log line has the given path
        return self._app(scope, receive, send)

    def _registered(self, path: str) -> str:
        bare = path.removesuffix("/")
        return f"{bare}/" if f"{bare}/" in self._slashed else bare or "/"


def _refusal(limit: Limit) -> BodyTooLarge:
    return BodyTooLarge(f"the body has more than {limit.max_bytes} bytes ({limit.setting})")


def _path(scope: Scope) -> str:
    return str(scope["path"])[:_MAX_LOGGED_PATH]


def _announced_bytes(scope: Scope) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value[:20])  # 20 digits are more than any limit
    return 0
