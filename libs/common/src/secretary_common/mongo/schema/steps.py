"""The numbered steps from one version of the stored documents to the next.

A step is never changed or removed once it was released. ``secretary-init`` may be interrupted, and
several may run at once, while services of this and the version before it write. So a step must be
safe to repeat, and must not rely on being the only writer: it names the state that it expects in
each write, as all writes do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from secretary_common.mongo.driver.client import DatabaseClient


@dataclass(frozen=True, slots=True)
class Step:
    """One step; its number is the version that the database has after it."""

    number: int
    name: str
    run: Callable[[DatabaseClient], Awaitable[object]]
    oldest_reader: int = 0
    """The lowest version of services that can still serve the documents during and after it."""


async def _nothing(_: DatabaseClient) -> None:
    """Change nothing: the documents of all versions before the first step are readable."""


STEPS: Sequence[Step] = (Step(1, "the first version with a number", _nothing),)
VERSION = STEPS[-1].number
"""The version of the documents that these services write."""
OLDEST_SERVED = 0
"""The lowest version of a database that these services can serve; 0: one without a version."""
