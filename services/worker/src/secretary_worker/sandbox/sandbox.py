"""Starts children with limits, for work that burns CPU or gives untrusted bytes to native code.

A child answers requests as JSON lines. When the context of a child ends, its whole process group is
dead. Requests go through a socket, so the arguments and the environment of a child contain no
secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial

from secretary_common.errors import Lack, SecretaryError, WorkerUnfit
from secretary_common.runtime.metrics import SANDBOX_CHILDREN
from secretary_worker.sandbox.child import AnswerLimits, Child
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_worker.sandbox.zygote_client import ChildSockets, ZygoteClient


class Sandbox:
    """Starts children with limits. Jobs may share one instance."""

    def __init__(
        self,
        zygote: ZygoteClient,
        process_limits: ProcessLimits,
        answer_limits: AnswerLimits,
        *,
        codes: Collection[str] = (),
    ) -> None:
        """Wire the sandbox.

        Args:
            zygote: starts the children (``HandlerContext.zygote``).
            process_limits: the limits of one child, which the kernel enforces.
            answer_limits: the limits of one answer, which the parent enforces.
            codes: the error codes that a child may raise, in addition to ``ErrorCode``.
        """
        self._zygote = zygote
        self._process_limits = process_limits
        self._answer_limits = answer_limits
        self._codes = frozenset(codes)

    @asynccontextmanager
    async def child(self, files: Sequence[int]) -> AsyncIterator[Child]:
        """Start a child that has the descriptors *files*. It is dead when the context ends.

        Raises:
            WorkerUnfit: no process could be started.
        """
        child = await self._start(files)
        outcome = "cancelled"
        try:
            await child.send(asdict(self._process_limits))
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
            sockets = self._zygote.fork(files)
        except OSError as error:
            message = f"no process can be started ({error.strerror or error})"
            raise WorkerUnfit(Lack.PROCESSES, message) from error
        # If the caller is cancelled here, the child must still be taken over and closed.
        starting = asyncio.ensure_future(self._take_over(sockets))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await (await starting).close()
            raise

    async def _take_over(self, sockets: ChildSockets) -> Child:
        sockets.status.setblocking(False)  # noqa: FBT003 - its signature
        # The sockets are connected already, so these calls return at once.
        limit = self._answer_limits.line_bytes
        channel = await asyncio.open_connection(sock=sockets.channel, limit=limit)
        stderr = await asyncio.open_connection(sock=sockets.stderr)
        return Child(
            sockets,
            channel,
            stderr,
            self._answer_limits,
            codes=self._codes,
            on_hang=partial(self._zygote.give_up, sockets.zygote_pid),
        )
