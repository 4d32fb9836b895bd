"""The end of a call with a timeout."""

from __future__ import annotations

import math

from secretary_client.core.clock import ClientClock

SHORTEST_READ_SEC = 0.1
# A read of a stream may end this long after the deadline. A shorter time would open the stream more
# often, as the deadline comes closer.
SLACK_SEC = 1.0


class Deadline:
    """The end of a call with a timeout, and the limits of its reads from a stream."""

    def __init__(self, clock: ClientClock, timeout: float | None, longest_read_sec: float) -> None:
        """Begin now.

        Args:
            clock: the clock of the client.
            timeout: seconds from now; None: there is no end.
            longest_read_sec: the longest wait of a read, in seconds.
        """
        self._clock = clock
        self._ends_at = math.inf if timeout is None else clock.now() + timeout
        self._longest_read_sec = longest_read_sec

    @property
    def left_sec(self) -> float:
        """The seconds that are left, at least 0."""
        return max(0.0, self._ends_at - self._clock.now())

    @property
    def read_sec(self) -> float:
        """The longest wait of a read that begins now, in seconds."""
        return max(SHORTEST_READ_SEC, min(self._longest_read_sec, self.left_sec))

    def is_before_read(self, read_sec: float) -> bool:
        """Return whether a read of *read_sec* could end more than ``SLACK_SEC`` too late."""
        return self.left_sec + SLACK_SEC < read_sec
