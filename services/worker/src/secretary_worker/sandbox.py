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
from secretary_common.metric import SANDBOX_CHILDREN
from secretary_worker.child import Bounds, Child
from secretary_worker.confinement import Limits
from secretary_worker.nursery import Cradle, Nursery


class Sandbox:
    """Has children started and asked within *limits* and *bounds*. Safe to share."""

    def __init__(self, nursery: Nursery, limits: Limits, bounds: Bounds) -> None:
        self._nursery = nursery
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
            cradle = self._nursery.fork(files)
        except OSError as error:
            message = f"no process can be started ({error.strerror})"
            raise TransientError(message, code=ErrorCode.PARSER_CRASHED) from error
        # Seen through, should this be cancelled: who has no child cannot close it.
        starting = asyncio.ensure_future(self._take_over(cradle))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (await starting).close()
            raise

    async def _take_over(self, cradle: Cradle) -> Child:
        cradle.status.setblocking(False)  # noqa: FBT003 - its signature
        # Of sockets that are connected already: this does not wait for anybody.
        limit = self._bounds.line_bytes
        channel = await asyncio.open_connection(sock=cradle.channel, limit=limit)
        stderr = await asyncio.open_connection(sock=cradle.stderr)
        return Child(cradle, channel, stderr, self._bounds)
