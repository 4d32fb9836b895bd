"""Has done in a child what burns CPU or feeds untrusted bytes to native code.

A child has limits, answers requests as JSON lines, and its whole process group is dead when its
context ends, whatever happened. Requests go through a socket: no secret stands in its arguments or
environment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

from secretary_common.errors import ErrorCode, SecretaryError, TransientError
from secretary_common.runtime.metrics import SANDBOX_CHILDREN
from secretary_worker.sandbox.child import Bounds, Child
from secretary_worker.sandbox.limits import Limits
from secretary_worker.sandbox.zygote_client import ChildSockets, ZygoteClient


class Sandbox:
    """Has children started and asked within *limits* and *bounds*. Safe to share."""

    def __init__(self, zygote: ZygoteClient, limits: Limits, bounds: Bounds) -> None:
        self._nursery = zygote
        self._limits = limits
        self._bounds = bounds

    @asynccontextmanager
    async def child(self, files: Sequence[int]) -> AsyncIterator[Child]:
        """A child that has *files*, dead when the context ends.

        Raises:
            TransientError: PARSER_CRASHED, none can be had.
        """
        child = await self._start(files)
        outcome = "cancelled"
        try:
            await child.say(asdict(self._limits))
            yield child
            outcome = "done"
        except SecretaryError as error:
            outcome = error.code.lower()
            raise
        finally:
            SANDBOX_CHILDREN.labels(outcome).inc()
            await child.close()

    async def _start(self, files: Sequence[int]) -> Child:
        try:
            sockets = self._nursery.fork(files)
        except OSError as error:
            message = f"no process can be started ({error.strerror})"
            raise TransientError(message, code=ErrorCode.PARSER_CRASHED) from error
        # Seen through, should this be cancelled: who has no child cannot close it.
        starting = asyncio.ensure_future(self._take_over(sockets))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (await starting).close()
            raise

    async def _take_over(self, sockets: ChildSockets) -> Child:
        sockets.status.setblocking(False)  # noqa: FBT003 - its signature
        # Of sockets that are connected already: this does not wait for anybody.
        limit = self._bounds.line_bytes
        channel = await asyncio.open_connection(sock=sockets.channel, limit=limit)
        stderr = await asyncio.open_connection(sock=sockets.stderr)
        return Child(sockets, channel, stderr, self._bounds)
