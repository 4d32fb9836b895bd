"""All checks, in the order in which one fault may explain the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.metadata import entry_points

from secretary_common.doctor.finding import Finding, fault, hint
from secretary_common.doctor.server_checks import (
    check_broker,
    check_disk,
    check_mongodb,
    room_here,
)
from secretary_common.doctor.system_checks import (
    check_encryption,
    check_notifiers,
    check_pepper,
    check_receivers,
    check_workers,
)
from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.replica_set import reason_of
from secretary_common.mongo.store import Store, open_store
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.settings import Settings

ENTRY_POINTS = "secretary.checks"
ANSWER_SEC = 30.0
WITHOUT_STORE = (
    "mongo.unreachable",
    "mongo.refused",
    "mongo.not_a_replica_set",
    "mongo.other_replica_set",
)
"""With these faults no service can use MongoDB."""
LocalCheck = Callable[[Settings], Sequence[Finding]]
Check = Callable[[], Awaitable[list[Finding]]]


async def examine(settings: Settings) -> list[Finding]:
    """Return what all checks have found with *settings*, on this machine."""
    found = await check_mongodb(settings.mongo.url)
    job_types: list[str] = []
    if not _names(found, *WITHOUT_STORE):
        more, job_types = await _of_store(settings)
        found += more
    found += await check_broker(settings.broker, job_types)
    found += check_disk(room_here(), "the disk for temporary files", "free space in /tmp")
    return found + await asyncio.to_thread(local_checks, settings)


def local_checks(settings: Settings) -> list[Finding]:
    """Return what the installed packages find on this machine."""
    checks: list[LocalCheck] = [point.load() for point in entry_points(group=ENTRY_POINTS)]
    return [finding for check in checks for finding in check(settings)]


def has_fault(found: Sequence[Finding]) -> bool:
    """Return whether something is wrong."""
    return any(one.level == "fault" for one in found)


async def _of_store(settings: Settings) -> tuple[list[Finding], list[str]]:
    """Return what the checks of the store find, and the names of the job types."""
    store, found = open_store(settings.mongo), []
    try:
        async with asyncio.timeout(ANSWER_SEC):
            await store.ping()
            names = [info.job_type for info in await store.job_types.all()]
            for name, check in _checks(settings, store).items():
                found += await _tried(name, check)
    except (StoreUnavailable, TimeoutError) as error:
        message = reason_of(error.__cause__ or error) or "MongoDB did not answer in time"
        found.append(fault("mongo.unreachable", message, "see the log of MongoDB"))
        names = []
    finally:
        await store.close()
    return found, names


async def _tried(name: str, check: Check) -> list[Finding]:
    """Return what *check* finds; a check that fails is a hint, and the others go on."""
    try:
        return await check()
    except TimeoutError:
        raise
    except Exception as error:  # noqa: BLE001 - for example, the user of a worker may read less
        why = " ".join(str(error.__cause__ or error).split())[:200]
        message = f"this check cannot run here: {why}"
        return [hint(f"{name}.unknown", message, "run secretary-doctor beside the API too")]


def _checks(settings: Settings, store: Store) -> dict[str, Check]:
    checks: dict[str, Check] = {
        "disk": partial(_room, store),
        "workers": partial(check_workers, store),
        "notifiers": partial(check_notifiers, store),
        "receivers": partial(check_receivers, store, settings.security.url_guard()),
    }
    if settings.security.encryption_keys:
        cipher = Cipher(settings.security.encryption_keys)
        checks["secrets"] = partial(check_encryption, store, cipher)
    if pepper := settings.api.pepper.get_secret_value():
        checks["keys"] = partial(check_pepper, store, pepper)
    return checks


async def _room(store: Store) -> list[Finding]:
    remedy = "give MongoDB a larger disk, or lower retention.finished_days"
    return check_disk(await store.disk_room(), "the disk of MongoDB", remedy)


def _names(found: Sequence[Finding], *checks: str) -> bool:
    return any(one.check in checks for one in found)
