"""A fake document, fake time and settings for tests of providers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from secretary_common.runtime.clock import ManualClock
from secretary_devstack.deadline import wait_until
from secretary_devstack.provider import ChatReply, FakeProvider
from secretary_documents.pdf.page import Page, PageImage
from secretary_documents.providers.connection import Timing

_MARK = b"%PDF-1.7\n"
_JPEG = b"\xff\xd8\xff"


@dataclass
class FakeDocument:
    """A document with these texts as its pages."""

    texts: Sequence[str]
    drawn: list[list[int]] = field(default_factory=list)
    """The page numbers of each call of ``images``."""
    padding: int = 0
    """Additional bytes for each page of a subset."""

    @property
    def page_count(self) -> int:
        return len(self.texts)

    async def images(
        self, pages: Sequence[int], *, dpi: int, max_side: int, quality: int
    ) -> AsyncIterator[PageImage]:
        self.drawn.append(list(pages))
        for number in pages:
            yield PageImage(number, _JPEG + self.texts[number - 1].encode(), 100, 200)

    async def subset(self, pages: Sequence[int]) -> bytes:
        texts = json.dumps([self.texts[number - 1] for number in pages])
        return _MARK + texts.encode() + b" " * self.padding * len(pages)


def document(pages: int) -> FakeDocument:
    """Return a document whose pages contain their numbers."""
    return FakeDocument([f"This is page {number}." for number in range(1, pages + 1)])


def texts_by_number(pages: Sequence[Page]) -> list[tuple[int, str]]:
    """Return number and text of *pages*, sorted by number."""
    return sorted((page.number, page.text) for page in pages)


def expected_texts(numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Return ``texts_by_number`` of the pages *numbers* of ``document``."""
    return [(number, f"This is page {number}.") for number in numbers]


def read_texts(content: bytes) -> list[str]:
    """Return the texts that the stand-in reads in a subset of a ``FakeDocument``."""
    texts: list[str] = json.loads(content.removeprefix(_MARK))
    return texts


def reply_to_picture(request: dict[str, Any]) -> ChatReply:
    """Return the text of a ``FakeDocument`` in the picture of the last message."""
    url = request["messages"][-1]["content"][0]["image_url"]["url"]
    jpeg = base64.b64decode(url.partition(",")[2])
    return ChatReply(jpeg.removeprefix(_JPEG).decode())


@dataclass
class FakeTime:
    """Time that passes only in ``sleep``."""

    pauses: list[float] = field(default_factory=list)
    """The arguments of ``sleep``, in seconds, in order."""
    clock: ManualClock = field(
        default_factory=lambda: ManualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    )

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def timing(self) -> Timing:
        return Timing(
            sleep=self.sleep,
            monotonic=lambda: sum(self.pauses),
            clock=self.clock,
            random=lambda: 0.0,
        )


def provider_settings(provider: FakeProvider, **settings: Any) -> dict[str, Any]:
    """Return the settings of a section for *provider*."""
    reached = {
        "base_url": provider.base_url,
        "api_key": SecretStr(provider.key),
        "model": "model-1",
    }
    return {**reached, **settings}


async def until(probe: Callable[[], object], what: str) -> None:
    """Return when *probe* is true."""
    await asyncio.to_thread(wait_until, probe, timeout_sec=10, what=what, every_sec=0.01)
