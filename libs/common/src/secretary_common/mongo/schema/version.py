"""The version of the stored documents, and whether a service can serve it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pymongo.errors import OperationFailure

from secretary_common.errors import ConfigurationError, StoreUnavailable
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.schema.steps import OLDEST_SERVED, VERSION, Step
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

DOCUMENT = "version"


@dataclass(frozen=True, slots=True)
class DatabaseVersion:
    """The version of the stored documents."""

    number: int = 0
    """The last step that was run; 0: none."""
    oldest_reader: int = 0
    """The lowest version of services that can serve these documents."""

    def after(self, step: Step) -> DatabaseVersion:
        """Return the version of the database after *step*."""
        number = max(self.number, step.number)
        return DatabaseVersion(number, max(self.oldest_reader, step.oldest_reader))


class Fit(Enum):
    """How a database fits a service."""

    SAME = "same"
    OLDER = "older"
    NEWER = "newer"
    TOO_OLD = "too old"
    TOO_NEW = "too new"


def fit_of(found: DatabaseVersion, *, mine: int = VERSION, served: int = OLDEST_SERVED) -> Fit:
    """Return how a database fits a service of version *mine*, which serves *served* and later."""
    if found.oldest_reader > mine:
        return Fit.TOO_NEW
    if found.number < served:
        return Fit.TOO_OLD
    if found.number == mine:
        return Fit.SAME
    return Fit.NEWER if found.number > mine else Fit.OLDER


def collection_of(client: DatabaseClient) -> Collection:
    """Return the collection that has the version document."""
    return client.collection("schema")


async def read_version(collection: Collection) -> DatabaseVersion:
    """Return the version of the database. Values that are no numbers count as none.

    Raises:
        StoreUnavailable: MongoDB does not answer, or refuses the read.
    """
    found: dict[str, Any] = await collection.find_one({"_id": DOCUMENT}) or {}
    return DatabaseVersion(*(_whole(found.get(name)) for name in ("number", "oldest_reader")))


def _whole(value: object) -> int:
    """Return *value* as a whole number, which shells may store as a float; 0 for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else 0


class VersionCheck:
    """Checks the database's version again and again; logs each finding once."""

    def __init__(self, client: DatabaseClient) -> None:
        self._collection = collection_of(client)
        self._logged: object = None

    async def check(self, *, refuses_old: bool = True) -> None:
        """Read the version. A version that cannot be read changes nothing.

        Args:
            refuses_old: whether an older version is logged, or refused if it is too old; not for
                ``secretary-init``, which migrates it.

        Raises:
            ConfigurationError: these services cannot serve this version of the database.
        """
        try:
            found = await read_version(self._collection)
        except (StoreUnavailable, OperationFailure) as error:
            # The user may lack the right, as one that was made for an earlier version.
            self._log("schema.unread", reason=str(error.__cause__ or error)[:300])
            return
        fit = fit_of(found)
        if fit is Fit.TOO_NEW or (fit is Fit.TOO_OLD and refuses_old):
            raise ConfigurationError(_refusal(found, fit))
        if fit is Fit.OLDER and refuses_old:
            self._log("schema.older", **_numbers(found), action="run secretary-init")
        elif fit is Fit.NEWER:
            self._log("schema.newer", **_numbers(found), effect="new fields are left alone")

    def _log(self, event: str, **fields: object) -> None:
        if self._logged != (event, fields):
            log.warning(event, **fields)
        self._logged = (event, fields)


def _numbers(found: DatabaseVersion) -> dict[str, object]:
    return {"database": found.number, "services": VERSION}


def _refusal(found: DatabaseVersion, fit: Fit) -> str:
    if fit is Fit.TOO_OLD:
        return (
            f"mongo.database: its documents have version {found.number}, and this version of "
            f"Secretary serves {OLDEST_SERVED} and later: run secretary-init of this version"
        )
    return (
        f"mongo.database: its documents have version {found.number}, which only versions of "
        f"Secretary with the number {found.oldest_reader} or later serve; this one has {VERSION}: "
        "install a newer version, or restore a backup from before the upgrade"
    )


def missing_steps(steps: Sequence[Step], found: DatabaseVersion) -> list[Step]:
    """Return the steps that the database does not have yet, in order."""
    return [step for step in steps if step.number > found.number]
