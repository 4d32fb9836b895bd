"""Fetches the slides of a talk, stores them as files of the job, and reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.models import JobProgress
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.session import progress as steps
from secretary_documents.handlers.session.plan import slug
from secretary_documents.handlers.session.slides_reader import SlidesReader, SlidesTask
from secretary_documents.handlers.session.talk import Attachment, Talk
from secretary_documents.pdf.sandboxed_document import PDF_MARK, PDF_MARK_WITHIN
from secretary_documents.web.download import Download, Downloader
from secretary_worker import OpenFile

ACCEPT = "application/pdf, */*;q=0.5"
MAX_PREVIEWS = 500
"""The most pages of a talk's slides that get a picture. A job has 1,000 files at most."""

_PDF = ".pdf"
# Other formats of slides. A stored file keeps such a suffix; else its first bytes decide.
_OFFICE_SUFFIXES = (".ppt", ".pptx", ".odp", ".key")
_OFFICE_MARKS = {b"PK\x03\x04": ".zip", b"\xd0\xcf\x11\xe0": ".ppt"}


class AttachmentReader:
    """Fetches and reads slides. One instance serves all jobs."""

    def __init__(self, downloader: Downloader, read_slides: SlidesReader | None) -> None:
        """*read_slides* reads PDFs. With None slides are stored but not read."""
        self._downloader = downloader
        self._read_slides = read_slides

    async def read(self, talk: Talk) -> None:
        """Add the slides to *talk*. Slides that cannot be read become a warning."""
        links = talk.plan.attachments
        for index, link in enumerate(links):
            name = PurePosixPath(link.url.partition("?")[0]).name
            attachment = Attachment(link.url, link.text or name)
            talk.attachments.append(attachment)
            try:
                report = _report(talk.report, attachment.title, index, len(links))
                await self._fetch(talk, attachment, report)
            except (PermanentError, TransientError) as error:
                talk.warn("attachment", error, link.url)

    async def _fetch(self, talk: Talk, attachment: Attachment, report: JobReport) -> None:
        async with self._downloader.fetch(attachment.url, accept=ACCEPT) as download:
            talk.resources.add_bytes(download.size)
            file = OpenFile(download.file.fileno(), download.name, download.size)
            suffix = _suffix_of(file)
            stem = free_stem(file.name, talk.attachments)
            if talk.parameters.create_archive:
                await _store(download, f"{stem}{suffix}", report)
                attachment.file = f"{stem}{suffix}"
            if suffix != _PDF:
                message = f"slides in the format {suffix} are not read; only PDFs are read"
                raise PermanentError(message, code=ErrorCode.SLIDES_NOT_READ)
            await self._read(
                talk,
                attachment,
                SlidesTask(
                    file=file,
                    stem=stem,
                    previews=_previews_left(talk),
                    use_cache=talk.parameters.use_cache,
                    report=report,
                    resources=talk.resources,
                ),
            )

    async def _read(self, talk: Talk, attachment: Attachment, task: SlidesTask) -> None:
        if self._read_slides is None:
            message = "this worker does not read slides"
            raise PermanentError(message, code=ErrorCode.SLIDES_NOT_READ)
        slides = await self._read_slides(task)
        attachment.pages = slides.pages
        if slides.fault is not None:
            talk.warn("previews", slides.fault, attachment.url)


def _report(report: JobReport, title: str, index: int, total: int) -> JobReport:
    def translate(progress: JobProgress) -> JobProgress:
        return steps.slides_progress(title, index, total, progress)

    return report.part(translate)


def _previews_left(talk: Talk) -> int:
    if not talk.parameters.create_archive:
        return 0
    return MAX_PREVIEWS - sum(len(one.previews) for one in talk.attachments)


def _suffix_of(file: OpenFile) -> str:
    """Return the suffix for *file*, chosen by its first bytes.

    Raises:
        PermanentError: PDF_INVALID, the file is neither a PDF nor slides of an office program.
    """
    head = os.pread(file.fd, PDF_MARK_WITHIN, 0)
    if PDF_MARK in head:
        return _PDF
    for mark, suffix in _OFFICE_MARKS.items():
        if head.startswith(mark):
            own = PurePosixPath(file.name).suffix.lower()
            return own if own in _OFFICE_SUFFIXES else suffix
    message = "the file is neither a PDF nor slides of an office program"
    raise PermanentError(message, code=ErrorCode.PDF_INVALID)


def free_stem(name: str, others: Iterable[Attachment]) -> str:
    """Return a file name without suffix, made from *name*, that no file of *others* has."""
    taken = {PurePosixPath(one.file).stem.casefold() for one in others if one.file}
    stem = slug(PurePosixPath(name).stem) or "slides"
    number, free = 1, stem
    while free.casefold() in taken:  # some systems ignore the case of names in archives
        number += 1
        free = f"{stem}-{number}"
    return free


async def _store(download: Download, name: str, report: JobReport) -> None:
    download.file.seek(0)
    kind = "application/pdf" if name.endswith(_PDF) else "application/octet-stream"
    await report.file(name, download.file.read(), kind)
