"""Reads what a completed job has made: the pages of its text, and its files."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from secretary_api.compatible.docling_document import Picture
from secretary_api.files.downloads import Downloads
from secretary_api.jobs import view
from secretary_common.models import Job, JsonObject

_PNG_SIZES = slice(16, 24)
"""Width and height in the first chunk of a PNG, four bytes each."""
_SEPARATOR = "--- Page {} ---\n"


@dataclass(frozen=True, slots=True)
class JobContent:
    """The content of a completed ``document`` job."""

    job: Job
    results: JsonObject
    downloads: Downloads

    @classmethod
    async def of(cls, job: Job, downloads: Downloads) -> JobContent:
        """Read the results of *job*.

        Raises:
            NotFound: the file with the results does not exist any more.
        """
        if job.results_file is None:
            return cls(job, view.results_of(job) or {}, downloads)
        raw = await _joined(downloads, job)
        return cls(
            job, (await asyncio.to_thread(from_json, raw))["data"]["results"] or {}, downloads
        )

    @property
    def first(self) -> JsonObject:
        """The entry of the job's file in the results; attachments are others."""
        documents = self.results.get("documents") or [{}]
        entry: JsonObject = documents[0]
        return entry

    @property
    def pages(self) -> list[JsonObject]:
        """The pages of the job's file: ``page``, ``text`` and ``method``."""
        pages: list[JsonObject] = self.first.get("text_contents") or []
        return pages

    async def file(self, name: str) -> bytes:
        """Return the bytes of a file of the job.

        Raises:
            NotFound: there is no such file.
        """
        _, found = await self.downloads.file_of(self.job, name)
        return b"".join([piece async for piece in found.chunks])

    async def layout(self) -> list[JsonObject]:
        """Return the pages with their blocks, of a job with the output ``json``."""
        parsed: Any = await asyncio.to_thread(from_json, await self.file("document.json"))
        pages: list[JsonObject] = parsed["pages"]
        return pages

    def has_output(self, output: str) -> bool:
        """Return whether the job has made a file of *output*."""
        return output in (self.first.get("outputs") or {})

    async def plain_text(self) -> str:
        """Return the text without page marks, of a job with the output ``text``."""
        text = (await self.file("document.txt")).decode(errors="replace")
        return "\n\n".join(_split(text, [page["page"] for page in self.pages]))

    async def pictures(self) -> dict[str, Picture]:
        """Return the pictures of the pages by the names of their files."""
        names = [one["file"] for one in self.first.get("pictures") or []]
        return {name: _picture(await self.file(name)) for name in names}


def _split(text: str, numbers: Sequence[int]) -> list[str]:
    """Return the texts of the pages *numbers*, each of which stands after its mark in *text*."""
    found, start = [], 0
    marks = [_SEPARATOR.format(number) for number in numbers]
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        start = text.index(mark, start) + len(mark)
        end = text.find("\n\n" + following, start) if following else len(text)
        found.append(text[start:end].rstrip("\n"))
    return [one for one in found if one]


def _picture(png: bytes) -> Picture:
    width, height = png[_PNG_SIZES][:4], png[_PNG_SIZES][4:]
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    return Picture(int.from_bytes(width), int.from_bytes(height), uri)


async def _joined(downloads: Downloads, job: Job) -> bytes:
    return b"".join([piece async for piece in await downloads.results_of(job)])
