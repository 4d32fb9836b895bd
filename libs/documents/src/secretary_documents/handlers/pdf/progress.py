"""The steps of a ``pdf`` job and their percents. Clients rely on these names.

================= =======  =====================================
step              percent
================= =======  =====================================
initializing      0
reading_file      10 - 25  found or downloaded; checked
extracting_text   30 - 60  moving with the pages
processing_images 60 - 75  only with ``include_images``
applying_template 75, 80   only with a template
finalizing        75, 90   75 only without a template
completed         100
================= =======  =====================================

Every job that completes passes the marks 0, 25, 50, 75 and 100, even with a document of one page.
"""

from __future__ import annotations

from secretary_common.models import JobProgress

INITIALIZING = JobProgress(step="initializing", percent=0, message="Starting")
READING_FILE = JobProgress(step="reading_file", percent=10, message="Reading the file")
FILE_READ = JobProgress(step="reading_file", percent=25, message="The file is read")
PAGES_READ = JobProgress(step="finalizing", percent=75, message="All pages are read")
TEMPLATE_NEXT = JobProgress(step="applying_template", percent=75, message="All pages are read")
TEMPLATE = JobProgress(step="applying_template", percent=80, message="Applying the template")
FINALIZING = JobProgress(step="finalizing", percent=90, message="Putting the result together")
COMPLETED = JobProgress(step="completed", percent=100, message="Processing completed")

_EXTRACTION_STARTS, _EXTRACTION_ENDS = 30, 60
_IMAGES_END = 75
_MARK = 50


def page_progress(done: int, total: int) -> list[JobProgress]:
    """Return the progress reports after *done* of *total* pages.

    There are two reports if the mark of 50 percent lies between this page and the previous page,
    else one.
    """
    now = _percent(done, total)
    passed_mark = done > 0 and _percent(done - 1, total) < _MARK < now
    message = f"page {done} of {total}" if done else f"{total} pages to read"
    percents = [_MARK, now] if passed_mark else [now]
    return [
        JobProgress(step="extracting_text", percent=percent, message=message)
        for percent in percents
    ]


def image_progress(done: int, total: int) -> JobProgress:
    """Return the progress report after *done* of *total* images."""
    percent = _EXTRACTION_ENDS + (_IMAGES_END - _EXTRACTION_ENDS) * done // total
    message = f"image {done} of {total}"
    return JobProgress(step="processing_images", percent=percent, message=message)


def _percent(done: int, total: int) -> int:
    return _EXTRACTION_STARTS + (_EXTRACTION_ENDS - _EXTRACTION_STARTS) * done // total
