"""Sends sentences to the services that the optional package apprise knows."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence

from secretary_common.errors import ConfigurationError
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

TRIES = 3
RETRY_SEC = 2.0
SEND_SEC = 60.0
TITLE = "Secretary"


class AppriseSender:
    """Sends to each URL by itself, so that one that fails does not stop the others.

    The URLs are the operator's own, so the guard of URLs does not apply to them.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        """Check the *urls*.

        Raises:
            ConfigurationError: apprise is not installed, or does not know a URL.
        """
        if urls and importlib.util.find_spec("apprise") is None:
            raise ConfigurationError(
                "operator.apprise_urls: install the package apprise (secretary-notifier[apprise])"
            )
        for number, url in enumerate(urls):
            _check(url, number)
        self._urls = urls

    async def send(self, text: str) -> None:
        """Send *text* to all URLs; a failure is logged without the URL, which has secrets."""
        await asyncio.gather(*(self._send_to(url, text) for url in self._urls))

    async def _send_to(self, url: str, text: str) -> None:
        service = url.partition(":")[0]
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(SEND_SEC):
                    if await asyncio.to_thread(_notify, url, text):
                        return
            except TimeoutError:
                break
            await asyncio.sleep(RETRY_SEC)
        log.error("operator.not_sent", service=service, text=text)


def _check(url: str, number: int) -> None:
    import apprise  # noqa: PLC0415 - an optional package

    if not apprise.Apprise().add(url):
        raise ConfigurationError(f"operator.apprise_urls.{number}: apprise does not know this URL")


def _notify(url: str, text: str) -> bool:
    import apprise  # noqa: PLC0415 - an optional package

    target = apprise.Apprise()
    target.add(url)
    return bool(target.notify(title=TITLE, body=text))
