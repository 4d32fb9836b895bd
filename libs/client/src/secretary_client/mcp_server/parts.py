"""Results as text, in parts that fit into a conversation."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from secretary_client.async_client import AsyncClient
from secretary_client.error import JobFailed, JobNotEnded
from secretary_client.event import TERMINAL
from secretary_client.mcp_server.refusal import Refusal

MOST_KEPT = 4


def text_of(results: Mapping[str, Any]) -> str:
    """Return the text of a document, or all of *results* as JSON."""
    text = results.get("extracted_text")
    return text if isinstance(text, str) else json.dumps(results, ensure_ascii=False, indent=1)


def parts_of(text: str, most_chars: int) -> list[str]:
    """Return *text* in parts of at most *most_chars*, which end at lines where possible."""
    parts = []
    while len(text) > most_chars:
        end = text.rfind("\n", most_chars // 2, most_chars) + 1 or most_chars
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text]


class ResultParts:
    """Reads the results of jobs; it keeps the last ones, because a model asks part by part."""

    def __init__(self, client: AsyncClient, most_chars: int) -> None:
        """*most_chars*: the largest part, in characters."""
        self._client = client
        self._most_chars = most_chars
        self._kept: OrderedDict[tuple[str, int, bool], list[str]] = OrderedDict()

    async def part(self, job_id: str, number: int, *, as_json: bool) -> tuple[str, int]:
        """Return a part of the results, and the number of all parts.

        Args:
            job_id: the id of the job.
            number: the part, from 1.
            as_json: all of the results as JSON, also if they have a text.

        Raises:
            JobFailed: the job has failed or was cancelled.
            JobNotEnded: the job is waiting or running.
            Refusal: there is no such part.
        """
        parts = await self._parts(job_id, as_json=as_json)
        if not 1 <= number <= len(parts):
            raise Refusal("NO_SUCH_PART", f"part {number} of {job_id}: it has {len(parts)}")
        return parts[number - 1], len(parts)

    async def _parts(self, job_id: str, *, as_json: bool) -> list[str]:
        job = await self._client.job(job_id)
        if job["status"] not in TERMINAL:
            raise JobNotEnded(job_id, job["status"])
        if job["status"] != "completed":
            raise JobFailed(job)
        place = (job_id, job["run"], as_json)
        if place not in self._kept:
            results = await self._client.results(job_id)
            text = json.dumps(results, ensure_ascii=False) if as_json else text_of(results)
            self._kept[place] = parts_of(text, self._most_chars)
        self._kept.move_to_end(place)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return self._kept[place]
