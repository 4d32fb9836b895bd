"""Reports on one document of several: its part of the progress, and the names of its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JobProgress, JsonObject, LogLevel
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf.images import MAX_IMAGES
from secretary_documents.pdf.page import Page

_START, _END = 30, 75


class FileCount:
    """Counts the files of a job, of which a job may have a limited number."""

    def __init__(self, most: int = MAX_IMAGES) -> None:
        self._left = most

    def take(self) -> None:
        """Count one file.

        Raises:
            PermanentError: VALIDATION_ERROR, the job would have too many files.
        """
        if self._left == 0:
            message = f"the job would have more than {MAX_IMAGES} files: ask for fewer of them"
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        self._left -= 1


class MemberReport(JobReport):
    """The report on a document inside the file of the job.

    The names of its files begin with ``document_2_``, where 2 is its index.
    """

    def __init__(self, whole: JobReport, index: int, name: str, files: FileCount) -> None:
        """*whole*: the report on the job. *index* and *name* are those of the document."""
        super().__init__(whole.job_id, whole._repo)  # noqa: SLF001 - its own class
        self._whole = whole
        self._name = name
        self._files = files
        self.prefix = f"document_{index}_" if index else ""

    def progress(self, progress: JobProgress) -> None:
        """Report nothing: the progress of a job with several documents counts documents."""
        if not self.prefix:
            self._whole.progress(progress)

    def log(self, level: LogLevel, message: str) -> None:
        """Add a line to the job's log, with the name of the document."""
        self._whole.log(level, f"{self._name[:200]}: {message}" if self.prefix else message)

    async def file(self, name: str, content: bytes, content_type: str) -> None:
        """Store a file of the job."""
        self._files.take()
        await self._whole.file(self.named(name), content, content_type)

    def named(self, name: str) -> str:
        """Return the name that a file of the document has in the job."""
        return name if name.startswith(self.prefix) else f"{self.prefix}{name}"

    def renamed(self, page: Page) -> Page:
        """Return *page* with the names that its pictures have in the job."""
        if not (self.prefix and page.pictures):
            return page
        text, outputs = page.text, dict(page.outputs)
        pictures = []
        for picture in page.pictures:
            name = picture["name"]
            pictures.append({**picture, "name": self.named(name)})
            text = text.replace(name, self.named(name))
            outputs = {one: said.replace(name, self.named(name)) for one, said in outputs.items()}
        return replace(page, text=text, outputs=outputs, pictures=pictures)

    def renamed_parts(self, parts: JsonObject) -> JsonObject:
        """Return the *parts* of a result with the names that their files have in the job."""
        return {name: self._renamed(part) for name, part in parts.items()} if self.prefix else parts

    def _renamed(self, part: Any) -> Any:
        if isinstance(part, dict) and isinstance(part.get("file"), str):
            return {**part, "file": self.named(part["file"])}
        if isinstance(part, dict):
            return {name: self._renamed(one) for name, one in part.items()}
        return [self._renamed(one) for one in part] if isinstance(part, list) else part


def documents_progress(done: int, total: int, name: str) -> JobProgress:
    """Return the progress after *done* of *total* files inside the file of the job."""
    percent = _START + (_END - _START) * done // max(total, 1)
    message = f"file {done} of {total}: {name[:200]}"
    return JobProgress(step="extracting_text", percent=percent, message=message)
