"""The steps of a ``transformer`` job and their percents. Clients rely on these names and numbers.

================= =======  ==========================================
step              percent
================= =======  ==========================================
initializing      0        10 when the page is read
loading_template  20, 25
transforming_text 50 - 75  growing with the parts of a long text
finalizing        75, 90
completed         100
================= =======  ==========================================
"""

from __future__ import annotations

from secretary_common.models import JobProgress

INITIALIZING = JobProgress(step="initializing", percent=0, message="Starting")
PAGE_READ = JobProgress(step="initializing", percent=10, message="The page is read")
LOADING_TEMPLATE = JobProgress(step="loading_template", percent=20, message="Reading the template")
TEMPLATE_LOADED = JobProgress(step="loading_template", percent=25, message="The template is read")
TRANSFORMING = JobProgress(step="transforming_text", percent=50, message="Asking the model")
TRANSFORMED = JobProgress(step="finalizing", percent=75, message="The text is transformed")
FINALIZING = JobProgress(step="finalizing", percent=90, message="Putting the result together")
COMPLETED = JobProgress(step="completed", percent=100, message="Processing completed")


def part_progress(done: int, total: int) -> JobProgress:
    """Return the progress when *done* of *total* parts of a text are transformed."""
    percent = TRANSFORMING.percent + (TRANSFORMED.percent - TRANSFORMING.percent) * done // total
    message = f"part {done} of {total}"
    return JobProgress(step="transforming_text", percent=percent, message=message)
