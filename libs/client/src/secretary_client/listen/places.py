"""The place in the stream up to which every event has been forwarded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Taken:
    event_id: str
    at: str
    is_done: bool = False


class Places:
    """Finds the place at which the stream continues so that no event is missed."""

    def __init__(self, keep: Callable[[str, str], object]) -> None:
        """*keep* stores the place after an event, and the time of the event."""
        self._keep = keep
        self._taken: deque[_Taken] = deque()

    @property
    def waiting(self) -> int:
        """How many events are not forwarded yet, or only after an earlier one."""
        return len(self._taken)

    def take(self, event_id: str, at: str) -> Callable[[], None]:
        """Note an event in the order of the stream; return what to call when it is forwarded."""
        taken = _Taken(event_id, at)
        self._taken.append(taken)

        def done() -> None:
            taken.is_done = True
            last: _Taken | None = None
            while self._taken and self._taken[0].is_done:
                last = self._taken.popleft()
            if last:
                self._keep(last.event_id, last.at)

        return done
