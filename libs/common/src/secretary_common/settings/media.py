"""What recordings may take: bytes, hours, time, memory; and where ffmpeg and yt-dlp are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from secretary_common.settings.section import Seconds, Section

# ffmpeg 5.1 maps some 300 MB of libraries before it does anything.
MIN_MEMORY_MB = 512

Host = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
"""A host's name, in lower case, without scheme, port or path."""


class MediaSection(Section):
    """Recordings: fetched, reduced to speech, cut into pieces for transcription."""

    max_mb: float = Field(default=1000, gt=0)
    """Of a recording as it is fetched."""
    max_hours: float = Field(default=12, gt=0)
    """Of sound: a small file may hold days of silence."""
    timeout_sec: Seconds = 1800.0
    """For fetching one recording, all redirects and bytes."""
    ffmpeg: str = "ffmpeg"
    """The program, by name or path; ``ffprobe`` lies beside it or on the path as well."""
    ffmpeg_timeout_sec: Seconds = 1800.0
    """For one run of ffmpeg, on the clock and of CPU time."""
    memory_mb: int = Field(default=1024, ge=MIN_MEMORY_MB)
    """Of address space, for ffmpeg."""
    piece_mb: float = Field(default=24, ge=0.1)
    """The most one piece may have; providers take 25 MB."""
    piece_minutes: float = Field(default=20, ge=0.1)
    """The most one piece may last: some models take 25 minutes; pieces are heard in parallel."""
    yt_dlp: str = ""
    """The program, by name or path, for pages of ``yt_dlp_hosts``; empty: off."""
    yt_dlp_timeout_sec: Seconds = 900.0
    """For one run of yt-dlp."""
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
    """Whose pages are given to yt-dlp: it would fetch anything."""
