"""Records that a job's code froze or ended its worker. The watchdog runs this module.

``python -m secretary_worker.watchdog.silence JSON`` runs in the worker's environment and folder. It
is a separate process, so the watchdog stays small and ends a frozen worker even if MongoDB does not
answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from secretary_common.models import Silence
from secretary_common.mongo.store import store_of
from secretary_common.runtime.log import configure_logging, get_logger
from secretary_common.settings.settings import Settings, load_settings

log = get_logger(__name__)


async def record(settings: Settings, how: str, worker: str, mark: dict[str, Any]) -> None:
    """Record in the job of *mark* that its attempt silenced *worker*."""
    job_id = mark["job_id"]
    async with store_of(settings.mongo) as store:
        silence = Silence(
            run=mark["run"],
            attempt=mark["attempt"],
            token=mark["token"],
            worker=worker,
            how=how,
            at=store.clock.now(),
        )
        await store.jobs.record_silence(job_id, silence)
    log.info("job.silence_recorded", job_id=job_id, attempt=silence.attempt)


def main() -> None:
    """Log the silence that the command line describes, and record it if its job is known."""
    settings = load_settings()
    configure_logging("worker", level=settings.log.level, style=settings.log.format)
    silence = json.loads(sys.argv[1])
    mark = silence["mark"]
    log.error(
        "worker.silenced",
        owner=silence["worker"],
        how=silence["how"],
        job_id=mark and mark["job_id"],
        attempt=mark and mark["attempt"],
    )
    if mark:
        asyncio.run(record(settings, silence["how"], silence["worker"], mark))


if __name__ == "__main__":
    main()
