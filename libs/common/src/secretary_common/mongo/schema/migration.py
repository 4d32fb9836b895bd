"""Runs the missing steps for ``secretary-init``."""

from __future__ import annotations

import time
from collections.abc import Sequence

from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.schema.steps import STEPS, Step
from secretary_common.mongo.schema.version import (
    DOCUMENT,
    collection_of,
    missing_steps,
    read_version,
)
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)


async def migrate(client: DatabaseClient, steps: Sequence[Step] = STEPS) -> int:
    """Run each missing step, one after the other; return the version that the database has then.

    Each step is recorded when it is done, so an interrupted migration goes on with the step that
    was interrupted. What a step needs of services is recorded before its first write: then no older
    service starts, and one that still runs ends when it next reads the version. Safe to repeat, and
    safe in several processes at once, as the steps are.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    async with client.without_deadline() as patient:
        schema = collection_of(patient)
        version = await read_version(schema)
        for step in missing_steps(steps, version):
            started = time.monotonic()
            log.info("schema.migrating", step=step.number, name=step.name)
            if step.oldest_reader > version.oldest_reader:
                await _record(schema, oldest_reader=step.oldest_reader)
            await step.run(patient)
            version = version.after(step)
            await _record(schema, number=version.number, oldest_reader=version.oldest_reader)
            took = round(time.monotonic() - started, 1)
            log.info("schema.migrated", step=step.number, took_sec=took)
    return version.number


async def _record(schema: Collection, **numbers: int) -> None:
    """Raise *numbers* of the version. Another process may be further."""
    await schema.update_one({"_id": DOCUMENT}, {"$max": numbers}, upsert=True)
