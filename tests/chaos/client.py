"""Clients over HTTP, as real ones are: they repeat what got no answer, or a 5xx."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from chaos.feature import Features
from chaos.plan import JobPlan, Submission
from chaos.told import Acceptance, Order, Sight, Told

JsonObject = dict[str, Any]

REQUEST_SEC = 10.0
BACKOFF_SEC = (0.1, 0.3, 1.0)
LOOK_SEC = (0.5, 1.0, 2.0, 4.0)
CONFLICT = 409
NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)
TERMINAL = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 500."""

    status: int
    data: JsonObject
    replayed: bool


class GivenUp(Exception):
    """There was no answer below 500 until the end of all patience."""


class Clients:
    """All clients of one round."""

    def __init__(
        self,
        urls: Sequence[str],
        keys: Sequence[str],
        *,
        hook: str,
        features: Features,
        patience_sec: float,
    ) -> None:
        """Prepare.

        Args:
            urls: the APIs'.
            keys: the API keys, by the number the plans name.
            hook: the webhook receiver's URL.
            features: what is used of the API.
            patience_sec: how long after the start a client gives up on an answer.
        """
        self._urls = urls
        self._keys = keys
        self._hook = hook
        self._features = features
        self._until = time.monotonic() + patience_sec
        self.told = Told()

    async def run(self, submissions: Sequence[Submission]) -> None:
        """Send everything at its time, each by a client of its own; return when all are through."""
        started = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=REQUEST_SEC)
        connector = aiohttp.TCPConnector(limit=64)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as self._http,
            asyncio.TaskGroup() as group,
        ):
            for submission in submissions:
                await asyncio.sleep(started + submission.at - time.monotonic())
                group.create_task(self._serve(submission))

    def give_up(self) -> None:
        """Have no more patience: what is not answered now is not asked again."""
        self._until = 0.0

    async def _serve(self, submission: Submission) -> None:
        try:
            job_ids = await self._submit(submission)
            if submission.plans[0].repeats:
                await self._submit(submission)
            ids = zip(submission.plans, job_ids, strict=False)
            await asyncio.gather(*(self._follow(plan, job_id) for plan, job_id in ids))
        except GivenUp as error:
            self.told.refusals.append(f"{submission.ref}: {error}")

    async def _submit(self, submission: Submission) -> list[str]:
        """Send *submission* until it is answered; the ids of its jobs."""
        bodies = [plan.body(self._hook) for plan in submission.plans]
        alone = len(bodies) == 1
        path = "/api/jobs/" if alone else "/api/jobs/batch"
        body = bodies[0] if alone else {"batch_name": submission.ref, "jobs": bodies}
        answer = await self._ask("POST", path, submission.key, body, submission.ref)
        if answer.status != 202:
            self._refused(submission.ref, answer)
            return []
        ids: list[str] = [answer.data["job_id"]] if alone else answer.data["job_ids"]
        for plan, job_id in zip(submission.plans, ids, strict=True):
            accepted = Acceptance(plan.ref, job_id, time.time(), answer.replayed)
            self.told.accepted.append(accepted)
        return ids

    async def _follow(self, plan: JobPlan, job_id: str) -> None:
        """What this job's client does once it is accepted."""
        if plan.cancel_after_sec is not None:
            await asyncio.sleep(plan.cancel_after_sec)
            await self._order(plan, job_id, "cancel", self.told.cancelled)
        if plan.watched or plan.retried:
            await self._watch(plan, job_id)
        if plan.retried:
            await self._order(plan, job_id, "retry", self.told.retried)
            await self._watch(plan, job_id)

    async def _order(self, plan: JobPlan, job_id: str, verb: str, told: list[Order]) -> None:
        """Cancel or retry; 409 is an answer too: it has ended, or the order came through before."""
        answer = await self._ask("POST", f"/api/jobs/{job_id}/{verb}", plan.key, None, None)
        if answer.status == 202:
            told.append(Order(job_id, time.time()))
        elif answer.status != CONFLICT:
            self._refused(f"{plan.ref}: {verb}", answer)

    async def _watch(self, plan: JobPlan, job_id: str) -> None:
        """Look at the job until it has ended."""
        looks = 0
        while True:
            answer = await self._ask("GET", f"/api/jobs/{job_id}", plan.key, None, None)
            if answer.status != 200:
                self._refused(f"{plan.ref}: look", answer)
                return
            if answer.data["status"] in TERMINAL:
                self.told.sights.append(_sight(answer.data))
                return
            if time.monotonic() > self._until:
                return  # the ledger will tell of it as stuck
            await asyncio.sleep(_waits(LOOK_SEC, looks))
            looks += 1

    async def _ask(
        self, method: str, path: str, key: int, body: JsonObject | None, ref: str | None
    ) -> Answer:
        """The first answer below 500, whichever API gives it.

        Raises:
            GivenUp: there was none.
        """
        headers = {"Authorization": f"Bearer {self._keys[key]}"}
        if ref:
            headers["Idempotency-Key"] = ref
        tries = 0
        while True:
            try:
                return await self._once(method, path, headers, body)
            except NO_ANSWER as error:
                if time.monotonic() > self._until:
                    reason = f"{type(error).__name__}: {error}"
                    raise GivenUp(f"{method} {path}: {reason}") from error
            self.told.repeats += 1
            await asyncio.sleep(_waits(BACKOFF_SEC, tries) * random.uniform(0.5, 1.5))
            tries += 1

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: JsonObject | None
    ) -> Answer:
        url = random.choice(self._urls) + path
        async with self._http.request(method, url, headers=headers, json=body) as response:
            if response.status >= 500:
                raise TimeoutError(f"{response.status} {await response.text()}")
            parsed = await response.json()
            replayed = response.headers.get("Idempotent-Replayed") == "true"
            return Answer(response.status, parsed.get("data") or parsed, replayed)

    def _refused(self, what: str, answer: Answer) -> None:
        self.told.refusals.append(f"{what}: {answer.status} {str(answer.data)[:300]}")


def _waits(seconds: Sequence[float], number: int) -> float:
    return seconds[min(number, len(seconds) - 1)]


def _sight(job: JsonObject) -> Sight:
    results = job["results"] or {}
    return Sight(job["job_id"], job["run"], job["attempt"], job["status"], results.get("nonce"))
