"""What jobs may name and take, and how long what comes of them is kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from secretary_common.settings.section import Seconds, Section


class FilesSection(Section):
    """Files."""

    roots: list[Path] = []
    """Folders whose files jobs may name; none: no job may name a file."""
    max_upload_mb: float = Field(default=200, gt=0)


class PdfSection(Section):
    """Limits of PDF processing; bytes are ``files.max_upload_mb``."""

    max_pages: int = Field(default=5000, ge=1)
    max_page_mpixels: float = Field(default=40, gt=0, le=1000)
    """Of the picture of a page, in millions; larger pages are drawn at fewer dpi."""
    max_text_mb: float = Field(default=64, gt=0)
    """Text of all pages of one document."""
    page_sec: Seconds = 60.0
    """CPU time for one page."""
    memory_mb: int = Field(default=2048, ge=256)
    """Of one child process."""
    cpu_sec: int = Field(default=600, ge=1)
    """Of one child process, which reads 200 pages at most."""
    timeout_sec: Seconds = 3600.0
    """Wall clock for all pages of one attempt; what was read by then is kept for the next."""
    ocr_parallel: int = Field(default=0, ge=0)
    """Child processes that recognise at a time, of all jobs; 0: as many as there are CPUs."""
    tessdata: Path | None = None
    """A folder with more OCR languages than the built-in eng and deu."""


class CacheSection(Section):
    """What was worked out before and is kept: pages read, speech heard, answers of models."""

    days: float = Field(default=30, ge=0.25)
    """Entries that were not used for so long go."""
    max_mb: float = Field(default=1024, gt=0)
    """Of all entries together; beyond it those go that were not used for the longest time."""


class TemplatesSection(Section):
    """Templates."""

    dir: Path | None = None
    """The user's own, which come before those shipped."""


class RetentionSection(Section):
    """How long finished jobs are kept."""

    finished_days: float = Field(default=30, gt=0)
    sweep_interval_sec: Seconds = 60.0
    """Between two rounds of removing what is over; one worker does it at a time."""
