"""The limits of uploads."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_api.http.pace import Pace

KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """The sizes, turns and pace of uploads."""

    max_bytes: int = 200 * KILOBYTE * KILOBYTE
    """The largest size of one file."""
    at_once: int = 32
    """The most uploads of all API keys at once; each needs a few MiB. The first one of a key does
    not count, so that no key waits for the uploads of others only."""
    per_key: int = 8
    """The most uploads of one API key at once."""
    turn_sec: float = 60.0
    """How long an upload waits, unread, for its turn."""
    min_kb_per_sec: float = 16.0
    total_sec: float = 3600.0

    @property
    def pace(self) -> Pace:
        """The slowest pace of an upload."""
        names = "files.min_upload_kb_per_sec, files.upload_sec"
        return Pace(self.min_kb_per_sec * KILOBYTE, self.total_sec, names)
