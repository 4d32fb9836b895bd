"""The steps of a ``media`` job and their percents. Clients rely on these names and numbers.

================= ==========================================
step              percent
================= ==========================================
initializing      0
downloading_media 5
processing_video  15 - 90, growing with the transcribed pieces
finalizing        95
completed         100
================= ==========================================
"""

from __future__ import annotations

from secretary_common.models import JobProgress


def _step(step: str, percent: int, message: str) -> JobProgress:
    return JobProgress(step=step, percent=percent, message=message)


INITIALIZING = _step("initializing", 0, "Starting")
DOWNLOADING = _step("downloading_media", 5, "Fetching the recording")
CONVERTING = _step("processing_video", 15, "Converting the recording")
FINALIZING = _step("finalizing", 95, "Writing the transcript")
COMPLETED = _step("completed", 100, "Processing completed")

_FIRST, _LAST = 20, 90


def pieces_transcribed(done: int, total: int) -> JobProgress:
    """Return the progress after *done* of *total* pieces."""
    percent = _FIRST + (_LAST - _FIRST) * done // max(total, 1)
    return _step("processing_video", percent, f"Transcribed piece {done} of {total}")
