"""Limits and programs of the built-in job types: PDFs, recordings, templates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from secretary_common.settings.section import Seconds, Section

# ffmpeg 5.1 maps some 300 MB of libraries before it does anything.
MIN_MEMORY_MB = 512

Host = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
"""A host's name, in lower case, without scheme, port or path."""


class PdfSection(Section):
    """Limits of PDF processing. The limit in bytes is ``files.max_upload_mb``."""

    max_pages: int = Field(default=5000, ge=1)
    max_page_mpixels: float = Field(default=40, gt=0, le=1000)
    """The most pixels of a page's image, in millions; larger pages are rendered at fewer dpi."""
    max_text_mb: float = Field(default=64, gt=0)
    """The most text of all pages of one document together."""
    page_sec: Seconds = 60.0
    """CPU time for one page."""
    memory_mb: int = Field(default=2048, ge=256)
    """The address space of one child process."""
    cpu_sec: int = Field(default=600, ge=1)
    """The CPU time of one child process, which reads at most 200 pages."""
    timeout_sec: Seconds = 3600.0
    """Wall clock for all pages of one attempt; the next attempt keeps the pages that were read."""
    ocr_parallel: int = Field(default=0, ge=0)
    """Child processes that run OCR at a time, for all jobs; 0: one per CPU."""
    tessdata: Path | None = None
    """A folder with more OCR languages than the built-in eng and deu."""
    second_ocr_below: float = Field(default=0.7, ge=0, le=1)
    """RapidOCR, if it is installed, reads pages of which Tesseract is less sure; 0: it reads none.

    Jobs may choose another engine (``ocr_engine``).
    """


class DocumentsSection(Section):
    """Limits of other files than PDFs. Limits of pages and of text are those of ``pdf``."""

    max_unpacked_mb: float = Field(default=512, gt=0)
    """The most that the parts of one ZIP or office file may have together, unpacked."""
    max_members: int = Field(default=10_000, ge=1)
    """The most parts of one ZIP or office file."""
    max_documents: int = Field(default=1000, ge=1)
    """The most documents of one job: attachments and files in archives count too."""
    max_depth: int = Field(default=5, ge=1, le=20)
    """How deep archives and mails may lie inside one another."""
    max_cells: int = Field(default=2_000_000, ge=1)
    """The most cells of all tables of one file, empty ones included."""
    max_picture_mpixels: float = Field(default=120, gt=0, le=1000)
    """The most pixels of a picture, in millions."""
    libre_office: str = "/usr/lib/libreoffice/program"
    """The folder with the libraries of LibreOffice, which reads doc and ppt."""
    memory_mb: int = Field(default=2048, ge=256)
    """The address space of one child process."""
    cpu_sec: int = Field(default=120, ge=1)
    """The CPU time for one file, without OCR."""
    timeout_sec: Seconds = 300.0
    """Wall clock for one file, without OCR."""


class MediaSection(Section):
    """Limits for fetching, converting and cutting recordings; the programs ffmpeg and yt-dlp."""

    max_mb: float = Field(default=1000, gt=0)
    """The largest size of a recording as it is fetched."""
    max_hours: float = Field(default=12, gt=0)
    """The longest sound of a recording; a small file may contain days of silence."""
    timeout_sec: Seconds = 1800.0
    """The deadline for fetching one recording, redirects included."""
    ffmpeg: str = "ffmpeg"
    """The program, by name or path; ``ffprobe`` is in the same folder or on the path."""
    ffmpeg_timeout_sec: Seconds = 1800.0
    """The limit of one run of ffmpeg, both in wall-clock time and in CPU time."""
    memory_mb: int = Field(default=1024, ge=MIN_MEMORY_MB)
    """The address space of ffmpeg."""
    piece_mb: float = Field(default=24, ge=0.1)
    """The largest size of one piece; providers accept 25 MB."""
    piece_minutes: float = Field(default=20, ge=0.1)
    """The longest piece; some models accept 25 minutes. Pieces are transcribed in parallel."""
    yt_dlp: str = ""
    """The program, by name or path, for pages of ``yt_dlp_hosts``; empty: off."""
    yt_dlp_timeout_sec: Seconds = 900.0
    """The deadline of one run of yt-dlp."""
    yt_dlp_hosts: list[Host] = [
        "youtube.com",
        "www.youtube.com",
        "m.youtube.com",
        "www.youtube-nocookie.com",
        "youtu.be",
        "vimeo.com",
        "www.vimeo.com",
        "player.vimeo.com",
        "media.ccc.de",
    ]
    """Only pages of these hosts are passed to yt-dlp, because yt-dlp would fetch any URL."""


class TemplatesSection(Section):
    """Templates."""

    dir: Path | None = None
    """The user's own templates; they take precedence over the shipped ones."""
