"""Records that a job's code froze or ended its worker. The watchdog runs this module.

``python -m secretary_worker.watchdog.failure_recorder`` runs in the worker's environment and
folder, and reads the failure as JSON from its standard input. It is a separate process, so the
watchdog stays small and ends a frozen worker even if MongoDB does not answer. The watchdog starts
the recorder as soon as it suspects that the worker is frozen. If the worker recovers, the watchdog
kills the recorder, which has recorded nothing yet.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from secretary_common.models import WorkerFailure
from secretary_common.mongo.store import store_of
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.secrets.hidden_process import hide
from secretary_common.settings.settings import Settings, load_settings

log = get_logger(__name__)

GIVE_UP_SEC = 600.0
"""How long to wait for MongoDB, so that no process is left behind if MongoDB does not return."""


async def record(settings: Settings, how: str, worker: str, mark: dict[str, Any]) -> None:
    """Record in the job of *mark* that code of this attempt froze or ended *worker*."""
    job_id = mark["job_id"]
    async with store_of(settings.mongo) as store:
        failure = WorkerFailure(
            run=mark["run"],
            attempt=mark["attempt"],
            token=mark["token"],
            worker=worker,
            how=how,
            at=store.clock.now(),
        )
        await store.jobs.record_worker_failure(job_id, failure)
    log.info("job.silence_recorded", job_id=job_id, attempt=failure.attempt)


def main() -> None:
    """Read a failure from standard input and log it. If it names a job, record it in the job."""
    hide()
    settings = load_settings()
    configure_logging("worker", level=settings.log.level, style=settings.log.format)
    received = sys.stdin.buffer.read()
    if not received:
        return
    failure = json.loads(received)
    mark = failure["mark"]
    log.error(
        "worker.silenced",
        owner=failure["worker"],
        how=failure["how"],
        job_id=mark and mark["job_id"],
        attempt=mark and mark["attempt"],
    )
    if mark:
        recording = record(settings, failure["how"], failure["worker"], mark)
        try:
            asyncio.run(asyncio.wait_for(recording, GIVE_UP_SEC))
        except TimeoutError:
            log.error("job.silence_not_recorded", job_id=mark["job_id"], waited_sec=GIVE_UP_SEC)


if __name__ == "__main__":
    main()
