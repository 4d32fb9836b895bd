"""Reads web pages: fetched through the guard, parsed in a child with limits."""

from __future__ import annotations

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_common.resources import ResourceCalculator
from secretary_worker.confinement import Limits
from secretary_worker.sandbox import Bounds, Sandbox
from secretary_worker.web.download import Downloader
from secretary_worker.web.page import WebPage

CHILD = "secretary_worker.web.page_child"
ACCEPT = "text/html, application/xhtml+xml, text/*;q=0.8, */*;q=0.1"
MAX_PAGE_BYTES = 10 * 2**20
"""Of a page; what a page shows comes from elsewhere."""
# Some 100,000 elements inside each other take the parser minutes: they end here.
LIMITS = Limits(memory_bytes=1024 * 2**20, cpu_sec=20)
TIMEOUT_SEC = 60.0


class SandboxedPageReader:
    """Reads pages. One instance serves all jobs."""

    def __init__(self, downloader: Downloader, limits: Limits = LIMITS) -> None:
        """*downloader*: with the most a page may have, and the code for one that has more."""
        self._downloader = downloader
        self._sandbox = Sandbox(limits, Bounds(timeout_sec=TIMEOUT_SEC))

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        """The page at *url*.

        Raises:
            PermanentError: URL_REFUSED, FETCH_FAILED or FILE_TOO_LARGE; PAGE_INVALID, it is no
                page; or what ``Sandbox.run`` raises.
            TransientError: FETCH_FAILED, another try may help.
        """
        messages: list[JsonObject] = []
        async with self._downloader.fetch(url, accept=ACCEPT) as download:
            resources.add_bytes(download.size)
            descriptor = download.file.fileno()
            request = {
                "path": f"/dev/fd/{descriptor}",
                "url": download.url,
                "content_type": download.content_type,
            }
            cpu_sec = await self._sandbox.run(
                CHILD, request, on_message=messages.append, files=[descriptor]
            )
        resources.add_compute_seconds(cpu_sec)
        return _page_of(messages)


def _page_of(messages: list[JsonObject]) -> WebPage:
    try:
        return WebPage.from_json(messages[0]["page"])
    except (LookupError, ValueError) as error:
        message = "the parser's answer is garbled"
        raise PermanentError(message, code=ErrorCode.PARSER_CRASHED) from error
