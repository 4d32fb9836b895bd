"""The announced job types; read again every two seconds, and sooner for an unknown type."""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_api.http.errors import refused_fields
from secretary_api.jobs.parameters import ParameterCheck
from secretary_common.errors import ErrorCode, StoreUnavailable
from secretary_common.models import JobTypeInfo, JsonObject
from secretary_common.ports import JobTypeRepository
from secretary_common.runtime.clock import Clock
from secretary_common.secrets.secret_field import secret_names

MAX_AGE = timedelta(seconds=2)
SHORT_AGE = timedelta(seconds=0.05)
"""A worker may have announced a type just after the last read, so an unknown type is read again."""
NONE_KNOWN_RETRY_SEC = 5.0
UNREADABLE_RETRY_SEC = 60.0


@dataclass(frozen=True, slots=True)
class KnownJobType:
    """An announced job type and the check of its parameters."""

    info: JobTypeInfo
    check: ParameterCheck
    secrets: frozenset[str] | None
    """The names of the parameters that may be secret; None: any."""

    def may_be_secret(self, parameters: JsonObject) -> bool:
        """Return whether any of *parameters* may be secret."""
        return self.secrets is None or not self.secrets.isdisjoint(parameters)


class KnownJobTypes:
    """Caches the announced job types."""

    def __init__(self, repository: JobTypeRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock
        self._known: dict[str, KnownJobType] = {}
        self._read_at: datetime | None = None
        self._reading: asyncio.Task[None] | None = None

    async def all(self, *, newest: bool = False) -> list[JobTypeInfo]:
        """Return every announced type that can be read, by name.

        *newest*: a type that was announced within the last two seconds is known too.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        known = (await self._current(SHORT_AGE if newest else MAX_AGE)).values()
        return [one.info for one in known if one.info.is_readable]

    async def get(self, name: str) -> KnownJobType:
        """Return the type *name*.

        Raises:
            InvalidRequest: with the code UNKNOWN_JOB_TYPE, naming the known types.
            StoreUnavailable: no type has been announced yet, the announcement cannot be read, or
                MongoDB did not answer.
        """
        known = await self._current()
        if name not in known:
            known = await self._current(SHORT_AGE)
        if not known:
            raise StoreUnavailable(
                "no worker has announced a job type yet", retry_after=NONE_KNOWN_RETRY_SEC
            )
        if name not in known:
            message = f"there is no such type; known are {', '.join(known)}"
            raise refused_fields(("job_type", message), code=ErrorCode.UNKNOWN_JOB_TYPE)
        if not known[name].info.is_readable:
            raise StoreUnavailable(
                f"the announcement of the job type {name} cannot be read; a worker that starts, or "
                "secretary-init, announces it again",
                retry_after=UNREADABLE_RETRY_SEC,
            )
        return known[name]

    async def set_paused(self, name: str, *, paused: bool) -> JobTypeInfo | None:
        """Pause or resume the type *name*; return None if it was not announced.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        if not await self._repository.set_paused(name, paused=paused):
            return None
        known = (await self._current(None)).get(name)
        return known.info if known else None

    async def _current(self, max_age: timedelta | None = MAX_AGE) -> dict[str, KnownJobType]:
        """Return the types as they were at most *max_age* ago; None: read them now.

        Concurrent callers share a read and its failure, so that no caller waits for the reads of
        others first while MongoDB does not answer.
        """
        if self._is_fresh(max_age):
            return self._known
        if self._reading:  # this read began before the call
            await asyncio.shield(self._reading)
            if self._is_fresh(max_age):
                return self._known
        await asyncio.shield(self._started())
        return self._known

    def _started(self) -> asyncio.Task[None]:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), context=Context())
            self._reading.add_done_callback(self._ended)
        return self._reading

    def _ended(self, done: asyncio.Task[None]) -> None:
        self._reading = None
        if not done.cancelled():
            done.exception()  # the callers raise it, unless all of them were cancelled

    async def _read(self) -> None:
        now = self._clock.now()
        self._known = self._updated(await self._repository.all())
        self._read_at = now

    def _is_fresh(self, max_age: timedelta | None) -> bool:
        if max_age is None or self._read_at is None:
            return False
        # abs(), because the server's clock may be set back.
        return abs(self._clock.now() - self._read_at) <= max_age

    def _updated(self, infos: list[JobTypeInfo]) -> dict[str, KnownJobType]:
        """Return the current types; unchanged types keep their compiled checks."""
        updated = {}
        for info in infos:
            old = self._known.get(info.job_type)
            same = old is not None and old.info == info
            updated[info.job_type] = old if old and same else _known(info)
        return updated


def _known(info: JobTypeInfo) -> KnownJobType:
    return KnownJobType(info, ParameterCheck(info), secret_names(info.parameter_schema or {}))
