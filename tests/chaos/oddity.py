"""Documents that this version of Secretary would not write, and what must become of each. No I/O.

A repair by hand writes ``"5"`` for ``5``. A newer version writes fields and words that this version
does not know; rolling upgrades and rollbacks bring such documents to this version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

JOBS, DELIVERIES = "jobs", "deliveries"
PREFIX = "odd-"
"""The ids of odd jobs begin with it."""
DELIVERY_PREFIX = f"msg_{PREFIX}"


class Fate(StrEnum):
    """What must become of an odd document."""

    SET_ASIDE = "set aside"
    """The job is failed with UNREADABLE, the delivery is dead."""
    SERVED = "served"
    """The job completes, the delivery is delivered; the unknown field stays."""
    LEFT = "left alone"
    """It has a word of a newer version, and this version changes nothing."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is odd about a document."""

    name: str
    fields: Mapping[str, Any]
    """They replace the fields of a usual document."""
    fate: Fate


JOB_ODDITIES = (
    Oddity("attempt is a text", {"attempt": "1"}, Fate.SET_ASIDE),
    Oddity("owner is a number", {"owner": 7}, Fate.SET_ASIDE),
    Oddity("seq is a text", {"seq": "9"}, Fate.SET_ASIDE),
    Oddity("a field is unknown", {"colour": "blue"}, Fate.SERVED),
    Oddity("the status is unknown", {"status": "resting"}, Fate.LEFT),
)
DELIVERY_ODDITIES = (
    Oddity("tries is a text", {"tries": "1"}, Fate.SET_ASIDE),
    Oddity("owner is a number", {"owner": 7}, Fate.SET_ASIDE),
    Oddity("seq is a text", {"seq": "9"}, Fate.SET_ASIDE),
    Oddity("a field is unknown", {"colour": "blue"}, Fate.SERVED),
    Oddity("the phase is unknown", {"phase": "resting"}, Fate.LEFT),
    Oddity("the state is unknown", {"state": "resting"}, Fate.LEFT),
)


@dataclass(frozen=True, slots=True)
class OddDocument:
    """An odd document that was inserted."""

    document_id: str
    collection: str
    """JOBS or DELIVERIES."""
    oddity: Oddity

    @property
    def is_job(self) -> bool:
        """Whether it is a job; otherwise it is a delivery."""
        return self.collection == JOBS


def odd_job(usual: Mapping[str, Any], document_id: str, oddity: Oddity) -> dict[str, Any]:
    """Return an odd document for ``jobs``, from the *usual* document of a job that waits."""
    return {**usual, "_id": document_id, "job_name": document_id, **oddity.fields}


def odd_delivery(usual: Mapping[str, Any], document_id: str, oddity: Oddity) -> dict[str, Any]:
    """Return an odd document for ``deliveries``, from the *usual* one of a delivery that is due."""
    job_id = document_id.removeprefix("msg_").rpartition("_")[0]
    return {**usual, "_id": document_id, "job_id": job_id, **oddity.fields}
