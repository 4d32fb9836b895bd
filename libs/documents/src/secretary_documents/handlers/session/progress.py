"""The steps of a ``session`` job and their percents. Clients rely on these names and numbers.

====================== =======================================
step                   percent
====================== =======================================
initializing           0
fetching_page          10
downloading_media      25, 30
processing_video       50
processing_attachments 70 - 75, growing with the pages of the slides
generating_markdown    90
completed              100
====================== =======================================
"""

from __future__ import annotations

from secretary_common.models import JobProgress


def _step(step: str, percent: int, message: str) -> JobProgress:
    return JobProgress(step=step, percent=percent, message=message)


INITIALIZING = _step("initializing", 0, "Starting")
FETCHING_PAGE = _step("fetching_page", 10, "Reading the page")
DOWNLOADING_MEDIA = _step("downloading_media", 25, "Looking for captions")
MEDIA_DOWNLOADED = _step("downloading_media", 30, "The captions are fetched")
TRANSCRIBING = _step("downloading_media", 30, "Transcribing the recording")
PROCESSING_VIDEO = _step("processing_video", 50, "The transcript is ready")
PROCESSING_ATTACHMENTS = _step("processing_attachments", 70, "Reading the slides")
ATTACHMENTS_PROCESSED = _step("processing_attachments", 75, "The slides are read")
GENERATING_MARKDOWN = _step("generating_markdown", 90, "Writing the Markdown")
COMPLETED = _step("completed", 100, "Processing completed")


# A PDF's own progress reports its pages and pictures between these percents.
_PDF_STARTS, _PDF_ENDS = 25, 75


def slides_progress(title: str, index: int, total: int, progress: JobProgress) -> JobProgress:
    """Return the job's progress while it reads one of *total* files of slides.

    *index* is the number of the file, from 0, and *progress* is the progress within the file.
    """
    inside = min(max(progress.percent - _PDF_STARTS, 0) / (_PDF_ENDS - _PDF_STARTS), 1)
    starts, ends = PROCESSING_ATTACHMENTS.percent, ATTACHMENTS_PROCESSED.percent
    percent = starts + int((ends - starts) * (index + inside) / total)
    return _step(PROCESSING_ATTACHMENTS.step, percent, f"{title[:100]}: {progress.message}")
