"""A transcript as text: each stretch of speech with the time it begins at."""

from __future__ import annotations

from collections.abc import Iterable

from secretary_worker.remote.transcription import Segment


def timed_text(segments: Iterable[Segment]) -> str:
    """The *segments*, a line each: ``[00:01:05] …``."""
    return "\n".join(f"[{clock(one.start_sec)}] {one.text}" for one in segments)


def plain_text(segments: Iterable[Segment]) -> str:
    """The *segments* without their times, in one line."""
    return " ".join(one.text for one in segments)


def clock(seconds: float) -> str:
    """*seconds* as ``hh:mm:ss``, whole ones; the hours may have more digits."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
