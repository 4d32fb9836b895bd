"""Reads from ffmpeg's output (``silencedetect``) where a recording is silent."""

from __future__ import annotations

import re
from dataclasses import dataclass

FILTER = "silencedetect=noise=-35dB:duration=0.4"

_MARK = re.compile(r"\[silencedetect @ [^\]]*\] silence_(start|end): (-?\d{1,9}(?:\.\d+)?)")
# The most silences that are kept. With 0.4 s each, so many last more than two days.
_MOST = 500_000


@dataclass(frozen=True, slots=True)
class Silence:
    """The start and end of a silence, in seconds from the beginning of the recording."""

    start: float
    end: float


class SilenceLog:
    """Collects the silences from ffmpeg's standard error."""

    def __init__(self) -> None:
        self.silences: list[Silence] = []
        """The silences in order, except one that lasts to the end: no cut is needed there."""
        self._start: float | None = None

    def take(self, line: str) -> None:
        """Read a line of ffmpeg's standard error."""
        match = _MARK.match(line)
        if match is None:
            return
        at = max(float(match[2]), 0.0)
        if match[1] == "start":
            self._start = at
        elif self._start is not None and at > self._start and len(self.silences) < _MOST:
            self.silences.append(Silence(self._start, at))
            self._start = None
