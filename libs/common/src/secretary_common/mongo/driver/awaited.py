"""One way to call both drivers: some calls are awaited with one driver, but not with the other."""

from __future__ import annotations

import inspect
from typing import Any


async def awaited(returned: Any) -> Any:
    """Return what a call of the driver gives: *returned* itself, or its result if it is awaitable.

    The calls are those that open or close something: cursors, sessions, change streams, clients.
    """
    return await returned if inspect.isawaitable(returned) else returned
