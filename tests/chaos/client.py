"""HTTP clients; like real ones they repeat a request after a 5xx or without an answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from chaos.ledger.evidence import Acceptance, AcceptedAction, ClientAnswers, ObservedEnd
from chaos.plan import JobPlan, Submission

JsonObject = dict[str, Any]

MAX_PARALLEL = 32
"""Requests in flight; a request that waits for its repetition counts as well."""
REQUEST_SEC = 10.0
BACKOFF_SEC = (0.1, 0.3, 1.0, 2.0)
SERVER_FAULT = 500
POLL_SEC = (0.5, 1.0, 2.0, 4.0)
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
    """There was no answer below 500 until the client gave up."""


class Clients:
    """All clients of one experiment."""

    def __init__(
        self,
        urls: Sequence[str],
        keys: Sequence[str],
        *,
        webhook_url: str,
        give_up_after_sec: float,
    ) -> None:
        """Prepare.

        Args:
            urls: the URLs of the APIs.
            keys: the API keys; plans name them by their index.
            webhook_url: the webhook receiver's URL.
            give_up_after_sec: how long after the start a client gives up on an answer.
        """
        self._urls = urls
        self._keys = keys
        self._webhook_url = webhook_url
        self._until = time.monotonic() + give_up_after_sec
        self._turns = asyncio.Semaphore(MAX_PARALLEL)
        self.answers = ClientAnswers()

    async def run(self, submissions: Sequence[Submission]) -> None:
        """Send every request at its time, each by its own client; return when all are done."""
        started = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=REQUEST_SEC)
        async with (
            aiohttp.ClientSession(timeout=timeout) as self._http,
            asyncio.TaskGroup() as group,
        ):
            for submission in submissions:
                await asyncio.sleep(started + submission.at - time.monotonic())
                group.create_task(self._serve(submission))

    def give_up(self) -> None:
        """Repeat no request any more."""
        self._until = 0.0

    async def _serve(self, submission: Submission) -> None:
        try:
            job_ids = await self._submit(submission)
            if submission.plans[0].repeats:
                await self._submit(submission)
            ids = zip(submission.plans, job_ids, strict=False)
            await asyncio.gather(*(self._follow(plan, job_id) for plan, job_id in ids))
        except GivenUp as error:
            self.answers.errors.append(f"{submission.ref}: {error}")

    async def _submit(self, submission: Submission) -> list[str]:
        """Send *submission* until it is answered; return the ids of its jobs."""
        bodies = [plan.body(self._webhook_url) for plan in submission.plans]
        alone = len(bodies) == 1
        path = "/api/jobs/" if alone else "/api/jobs/batch"
        body = bodies[0] if alone else {"batch_name": submission.ref, "jobs": bodies}
        answer = await self._ask("POST", path, submission.key, body, submission.ref)
        if answer.status != 202:
            self._unexpected(submission.ref, answer)
            return []
        ids: list[str] = [answer.data["job_id"]] if alone else answer.data["job_ids"]
        for plan, job_id in zip(submission.plans, ids, strict=True):
            accepted = Acceptance(plan.ref, job_id, time.time(), answer.replayed)
            self.answers.accepted.append(accepted)
        return ids

    async def _follow(self, plan: JobPlan, job_id: str) -> None:
        """Do what the plan says after the job was accepted: cancel, watch, retry."""
        if plan.cancel_after_sec is not None:
            await asyncio.sleep(plan.cancel_after_sec)
            await self._act(plan, job_id, "cancel", self.answers.cancelled)
        if plan.watched or plan.retried:
            await self._watch(plan, job_id)
        if plan.retried:
            await self._act(plan, job_id, "retry", self.answers.retried)
            await self._watch(plan, job_id)

    async def _act(
        self, plan: JobPlan, job_id: str, action: str, accepted: list[AcceptedAction]
    ) -> None:
        """Cancel or retry. 409 is expected too: the job has ended, or an earlier try succeeded."""
        answer = await self._ask("POST", f"/api/jobs/{job_id}/{action}", plan.key, None, None)
        if answer.status == 202:
            accepted.append(AcceptedAction(job_id, time.time()))
        elif answer.status != CONFLICT:
            self._unexpected(f"{plan.ref}: {action}", answer)

    async def _watch(self, plan: JobPlan, job_id: str) -> None:
        """Poll the job until it has ended."""
        polls = 0
        while True:
            answer = await self._ask("GET", f"/api/jobs/{job_id}", plan.key, None, None)
            if answer.status != 200:
                self._unexpected(f"{plan.ref}: poll", answer)
                return
            if answer.data["status"] in TERMINAL:
                self.answers.observed_ends.append(_observed_end(answer.data))
                return
            if time.monotonic() > self._until:
                return  # the ledger will report the job as stuck
            await asyncio.sleep(_waits(POLL_SEC, polls))
            polls += 1

    async def _ask(
        self, method: str, path: str, key: int, body: JsonObject | None, ref: str | None
    ) -> Answer:
        """Return the first answer below 500, from any API.

        Raises:
            GivenUp: there was no such answer.
        """
        headers = {"Authorization": f"Bearer {self._keys[key]}"}
        if ref:
            headers["Idempotency-Key"] = ref
        async with self._turns:
            tries = 0
            while True:
                try:
                    return await self._once(method, path, headers, body)
                except NO_ANSWER as error:
                    if time.monotonic() > self._until:
                        reason = f"{type(error).__name__}: {error}"
                        raise GivenUp(f"{method} {path}: {reason}") from error
                self.answers.repeats += 1
                await asyncio.sleep(_waits(BACKOFF_SEC, tries) * random.uniform(0.5, 1.5))
                tries += 1

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: JsonObject | None
    ) -> Answer:
        url = random.choice(self._urls) + path
        async with self._http.request(method, url, headers=headers, json=body) as response:
            if response.status >= SERVER_FAULT:
                text = await response.text()
                if response.status == SERVER_FAULT:  # in an outage the API answers 503
                    self.answers.errors.append(f"{method} {path}: {text}")
                raise TimeoutError(f"{response.status} {text}")
            parsed = await response.json()
            replayed = response.headers.get("Idempotent-Replayed") == "true"
            return Answer(response.status, parsed.get("data") or parsed, replayed)

    def _unexpected(self, what: str, answer: Answer) -> None:
        self.answers.errors.append(f"{what}: {answer.status} {str(answer.data)[:300]}")


def _waits(seconds: Sequence[float], number: int) -> float:
    return seconds[min(number, len(seconds) - 1)]


def _observed_end(job: JsonObject) -> ObservedEnd:
    results = job["results"] or {}
    return ObservedEnd(
        job["job_id"], job["run"], job["attempt"], job["status"], results.get("nonce")
    )
