"""The settings of files, of the cache and of the retention of finished jobs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from secretary_common.settings.section import Seconds, Section

LONGEST_DAYS = 36_500  # Python's dates end with the year 9999


class FilesSection(Section):
    """Files."""

    roots: list[Path] = []
    """Folders with files that jobs may name; without a folder, no job may name a file."""
    max_upload_mb: float = Field(default=200, gt=0)
    uploads_at_once: int = Field(default=32, ge=1)
    """The most uploads at once, apart from the first one of each API key."""
    uploads_per_key: int = Field(default=8, ge=1)
    min_upload_kb_per_sec: float = Field(default=16, gt=0)
    """The slowest upload: after 10 s, a slower one is refused."""
    upload_sec: Seconds = 3600.0
    """The longest time for one upload."""


class CacheSection(Section):
    """The cache of pages, transcripts and answers of models."""

    days: float = Field(default=30, ge=0.25, le=LONGEST_DAYS)
    """Entries that were not used for this time are removed."""
    max_mb: float = Field(default=1024, gt=0)
    """The size of all entries together; above it, the entries with the oldest use are removed."""
    shared: bool = False
    """Whether all API keys share their entries; if not, each key has entries of its own."""


class RetentionSection(Section):
    """The retention of finished jobs."""

    finished_days: float = Field(default=30, gt=0, le=LONGEST_DAYS)
    sweep_interval_sec: Seconds = 60.0
    """The time between two sweeps; one worker sweeps at a time."""
