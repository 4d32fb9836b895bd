"""Reads web pages: fetches a page through the guard and parses it in a child with limits."""

from __future__ import annotations

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.web.download import Downloader
from secretary_documents.web.page import WebPage
from secretary_worker import AnswerLimits, ProcessLimits, Sandbox, ZygoteClient

CHILD = "secretary_documents.web.page_child"
ACCEPT = "text/html, application/xhtml+xml, text/*;q=0.8, */*;q=0.1"
MAX_PAGE_BYTES = 10 * 2**20
"""The largest page in bytes, without the files that the page loads."""
# 100,000 nested elements would take the parser minutes. The CPU limit prevents this.
LIMITS = ProcessLimits(memory_bytes=1024 * 2**20, cpu_sec=20)
TIMEOUT_SEC = 60.0


class SandboxedPageReader:
    """Reads web pages. One instance serves all jobs."""

    def __init__(
        self,
        downloader: Downloader,
        *,
        zygote: ZygoteClient | None = None,
        limits: ProcessLimits = LIMITS,
    ) -> None:
        """Wire the reader.

        Args:
            downloader: fetches pages and limits their size.
            zygote: forks children that run ``CHILD``.
            limits: the limits of memory and CPU time for one page.
        """
        self._downloader = downloader
        self._sandbox = Sandbox(
            zygote or ZygoteClient(CHILD), limits, AnswerLimits(timeout_sec=TIMEOUT_SEC)
        )

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        """Return the page at *url*.

        Raises:
            PermanentError: URL_REFUSED, FETCH_FAILED or FILE_TOO_LARGE; PAGE_INVALID, the URL
                does not lead to a page; or an error of ``Child.ask``.
            TransientError: FETCH_FAILED, another attempt may succeed; or an error of ``Child.ask``.
        """
        messages: list[JsonObject] = []
        async with self._downloader.fetch(url, accept=ACCEPT) as download:
            resources.add_bytes(download.size)
            request = {"url": download.url, "content_type": download.content_type}
            async with self._sandbox.child([download.file.fileno()]) as child:
                await child.ask(request, messages.append)
        resources.add_compute_seconds(child.cpu_sec)
        return _page_of(messages)


def _page_of(messages: list[JsonObject]) -> WebPage:
    try:
        return WebPage.from_json(messages[0]["page"])
    except (LookupError, ValueError) as error:
        message = "the parser's answer is garbled"
        raise PermanentError(message, code=ErrorCode.PARSER_CRASHED) from error
