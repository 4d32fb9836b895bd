"""The jobs that the clients will submit, all drawn from the seed before anything runs. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Any

JsonObject = dict[str, Any]

DOOMED, FLAKY = "CHAOS_DOOMED", "CHAOS_FLAKY"
"""The error codes of jobs that fail on purpose."""
KEYS = 4
"""How many API keys the ordinary clients use."""
ENDPOINT_KEYS = 2
"""The first so many keys have a webhook endpoint, which gets the events of all their jobs."""
HOSTILE, BYSTANDER = KEYS, KEYS + 1
"""The key that floods the system, and the key whose jobs must start nevertheless."""
FLOOD_SEC = (5.0, 10.0)
"""How long a job of the flood runs."""
FLOODS = 2
"""The flood comes so often, all its jobs at once."""
BYSTANDER_EVERY_SEC = 0.5
OVERDUE_SEC = 1.0
BATCH_SIZE = 8


class Kind(StrEnum):
    """What a job does; ``handlers.py`` has a handler for each kind."""

    QUICK = "quick"
    STEADY = "steady"
    FLAKY = "flaky"
    DOOMED = "doomed"
    BLOCKING = "blocking"
    OVERDUE = "overdue"
    FILING = "filing"
    """It needs room in the temporary folder, and descriptors."""
    PARSING = "parsing"
    """It needs a child process."""
    LETHAL = "lethal"
    FREEZING = "freezing"
    """It holds the interpreter for ever."""


# How many of 1,000 jobs are of each kind.
SHARES = {
    Kind.QUICK: 490,
    Kind.STEADY: 210,
    Kind.FLAKY: 90,
    Kind.DOOMED: 60,
    Kind.BLOCKING: 50,
    Kind.OVERDUE: 20,
    Kind.FILING: 40,
    Kind.PARSING: 40,
}
HUNGRY = (Kind.FILING, Kind.PARSING)
"""They need disk and descriptors, so they are submitted while these are short."""
POISON = (Kind.LETHAL, Kind.FREEZING)
"""Counted apart: each such job costs two workers."""
LONG_BLOCKS = 1
"""Jobs whose handler blocks its loop for longer than a lease; they must keep the lease."""


@dataclass(frozen=True, slots=True)
class Features:
    """The parts of the API that the clients use and the ledger checks."""

    idempotency: bool
    """``Idempotency-Key``: a repeated request returns the same job. If off, the clients send the
    header anyway, and the ledger only counts the extra jobs."""
    cancel: bool
    """``POST /api/jobs/{id}/cancel``."""
    retry: bool
    """``POST /api/jobs/{id}/retry``."""
    batch: bool
    """``POST /api/jobs/batch``."""


FEATURES = Features(idempotency=True, cancel=True, retry=True, batch=True)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job that a client will submit, and what the client will do with it."""

    number: int
    ref: str
    """Its ``job_name`` and ``Idempotency-Key``; every job made for this plan has it."""
    kind: Kind
    key: int
    """The number of the API key that submits it."""
    seconds: float = 0.0
    sets_status: bool = False
    priority: int = 5
    delay_sec: float = 0.0
    max_attempts: int = 1
    """Only what the handler does counts, so one attempt is enough for most jobs."""
    webhook: bool = False
    progress: bool = True
    """Whether webhooks are sent for progress."""
    watched: bool = False
    """Its client polls it until it has ended."""
    repeats: bool = False
    """Its client repeats the accepted request, as if the answer had been lost."""
    cancel_after_sec: float | None = None
    retried: bool = False
    """Its client retries it once it has ended."""

    def body(self, webhook_url: str) -> JsonObject:
        """Return the body of the request; *webhook_url* is the receiver's URL."""
        parameters: JsonObject = {
            "number": self.number,
            "seconds": self.seconds,
            "sets_status": self.sets_status,
        }
        if self.webhook:
            parameters["webhook"] = {
                "url": webhook_url,
                "jobId": self.ref,
                "progress": self.progress,
            }
        body: JsonObject = {
            "job_type": f"chaos-{self.kind}",
            "job_name": self.ref,
            "parameters": parameters,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
        }
        if self.delay_sec:
            body["delay_sec"] = self.delay_sec
        if self.kind is Kind.OVERDUE:
            body["timeout_sec"] = OVERDUE_SEC
        return body


@dataclass(frozen=True, slots=True)
class Submission:
    """One request: a job, or a batch of several."""

    at: float
    """Seconds after the start."""
    plans: tuple[JobPlan, ...]

    @property
    def key(self) -> int:
        """The number of the API key that sends it."""
        return self.plans[0].key

    @property
    def ref(self) -> str:
        """Its ``Idempotency-Key``."""
        return self.plans[0].ref


def draw_submissions(
    seed: int,
    *,
    jobs: int,
    seconds: float,
    lease_sec: float,
    features: Features,
    shortages: Sequence[tuple[float, float]] = (),
) -> list[Submission]:
    """Return requests for *jobs* jobs, spread over *seconds*, in the order of sending.

    HUNGRY jobs are submitted in the *shortages*, each from one second to another.
    """
    random = Random(seed)
    plans = [
        _plan(random, f"chaos-{seed}-{number}", number, kind, features)
        for number, kind in enumerate(_kinds(random, jobs))
    ]
    plans[:LONG_BLOCKS] = [replace(one, seconds=1.3 * lease_sec) for one in plans[:LONG_BLOCKS]]
    random.shuffle(plans)
    groups = list(_grouped(plans, random, batches=features.batch))
    submissions = [Submission(_time(random, group, seconds, shortages), group) for group in groups]
    return sorted(submissions, key=lambda each: each.at)


def draw_flood(seed: int, *, first: int, jobs: int, seconds: float) -> list[Submission]:
    """Return the requests of the hostile key and of the bystander, in the order of sending.

    Args:
        seed: of the experiment.
        first: the number of the first job.
        jobs: how many long jobs, all of the highest priority, flood the system.
        seconds: how long the bystander submits quick jobs.
    """
    random = Random(f"flood {seed}")
    quick = int(seconds / BYSTANDER_EVERY_SEC)
    refs = (f"chaos-{seed}-{number}" for number in range(first, first + jobs + quick))
    plans = [
        JobPlan(
            number,
            ref,
            Kind.STEADY,
            HOSTILE,
            seconds=round(random.uniform(*FLOOD_SEC), 2),
            priority=9,
        )
        if number < first + jobs
        else JobPlan(number, ref, Kind.QUICK, BYSTANDER)
        for number, ref in enumerate(refs, first)
    ]
    flood = [
        Submission(1 + n * FLOODS // jobs * seconds / FLOODS, (plan,))
        for n, plan in enumerate(plans[:jobs])
    ]
    calm = [Submission(n * BYSTANDER_EVERY_SEC, (plan,)) for n, plan in enumerate(plans[jobs:])]
    return sorted([*flood, *calm], key=lambda each: each.at)


def _time(
    random: Random,
    group: Sequence[JobPlan],
    seconds: float,
    shortages: Sequence[tuple[float, float]],
) -> float:
    hungry = any(plan.kind in HUNGRY for plan in group) and shortages
    begin, end = random.choice(shortages) if hungry else (0.0, seconds)
    return random.uniform(begin, end)


def _kinds(random: Random, jobs: int) -> list[Kind]:
    fixed = [Kind.BLOCKING] * LONG_BLOCKS + list(POISON)
    kinds, weights = list(SHARES), list(SHARES.values())
    return fixed + random.choices(kinds, weights, k=jobs - len(fixed))


def _plan(random: Random, ref: str, number: int, kind: Kind, features: Features) -> JobPlan:
    webhook = random.random() < 0.45
    return JobPlan(
        number=number,
        ref=ref,
        kind=kind,
        key=random.randrange(KEYS),
        seconds=round(_seconds(random, kind), 2),
        sets_status=random.random() < 0.3,
        priority=random.choice([5] * 6 + [0, 2, 8, 9]),
        delay_sec=round(random.uniform(0.5, 15), 1) if random.random() < 0.12 else 0.0,
        max_attempts=_max_attempts(random, kind),
        webhook=webhook,
        progress=random.random() < 0.7,
        watched=random.random() < 0.15,
        repeats=random.random() < 0.1 and features.idempotency,
        cancel_after_sec=_cancel_after(random, features, kind),
        retried=random.random() < 0.05 and features.retry,
    )


def _seconds(random: Random, kind: Kind) -> float:
    if kind is Kind.STEADY:
        return random.choice([random.uniform(0.2, 1.5), random.uniform(2, 6)])
    if kind is Kind.BLOCKING:
        return random.uniform(0.02, 0.6)
    return random.uniform(0, 0.3) if kind in (Kind.FLAKY, Kind.DOOMED) else 0.0


def _max_attempts(random: Random, kind: Kind) -> int:
    drawn = random.choice([1, 1, 2, 3])
    if kind is Kind.OVERDUE:
        return 1
    return max(2, drawn) if kind is Kind.FLAKY else drawn


def _cancel_after(random: Random, features: Features, kind: Kind) -> float | None:
    chance = 0.25 if kind is Kind.STEADY else 0.03
    draws = random.random() < chance, random.uniform(0, 4)
    return draws[1] if draws[0] and features.cancel else None


def _grouped(
    plans: list[JobPlan], random: Random, *, batches: bool
) -> Iterator[tuple[JobPlan, ...]]:
    """Yield every job alone, or, with *batches*, a tenth of them in batches of one key."""
    if not batches:
        yield from ((plan,) for plan in plans)
        return
    by_key: dict[int, list[JobPlan]] = {}
    for plan in plans:
        if random.random() >= 0.1:
            yield (plan,)
            continue
        group = by_key.setdefault(plan.key, [])
        group.append(plan)
        if len(group) == BATCH_SIZE:
            yield tuple(by_key.pop(plan.key))
    yield from (tuple(group) for group in by_key.values())
