"""Inserts odd documents into MongoDB, beside the collections' usual writers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chaos import oddity
from chaos.faults import Fault, Target
from chaos.injection.scope import Scope
from chaos.oddity import DELIVERY_ODDITIES, JOB_ODDITIES, OddDocument
from chaos.system import DATABASE
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from secretary_devstack.deadline import wait_until

INSERT_SEC = 600.0
"""MongoDB may be away for minutes."""
KEPT_OF_JOB = ("job_type", "owner", "parameters", "priority", "max_attempts")


class OddDocuments:
    """Inserts odd documents."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def inject(self, fault: Fault) -> None:
        """Insert the odd document of *fault*.

        Raises:
            NotInTime: MongoDB did not take it in time, or there is no document to copy.
        """
        odd = odd_document(fault)
        with (
            self._scope.injecting(fault, odd.oddity.name, odd.document_id),
            MongoClient[dict[str, Any]](self._scope.system.mongo.url, timeoutMS=5000) as client,
        ):
            collection = client[DATABASE][odd.collection]
            wait_until(
                lambda: _is_inserted(collection, odd),
                timeout_sec=INSERT_SEC,
                what=f"an odd document: {odd.oddity.name}",
            )
            self._scope.events.odd_documents.append(odd)


def odd_document(fault: Fault) -> OddDocument:
    """Return which document *fault* inserts."""
    if fault.target is Target.JOBS:
        document_id = f"{oddity.PREFIX}{fault.variant}"
        return OddDocument(document_id, oddity.JOBS, JOB_ODDITIES[fault.variant])
    document_id = f"{oddity.DELIVERY_PREFIX}{fault.variant}_1"
    return OddDocument(document_id, oddity.DELIVERIES, DELIVERY_ODDITIES[fault.variant])


def _is_inserted(collection: Collection[dict[str, Any]], odd: OddDocument) -> bool:
    """Try to insert the document; return whether it is in the collection now."""
    not_odd = {"$not": {"$regex": f"^({oddity.PREFIX}|{oddity.DELIVERY_PREFIX})"}}
    wanted = {"job_type": "chaos-quick"} if odd.is_job else {"phase": "completed"}
    try:
        found = collection.find_one({"_id": not_odd, **wanted})
        if found is None:
            return False
        if odd.is_job:
            made = oddity.odd_job(usual_job(found), odd.document_id, odd.oddity)
        else:
            usual = usual_delivery(found, odd.document_id)
            made = oddity.odd_delivery(usual, odd.document_id, odd.oddity)
        collection.insert_one(made)
    except DuplicateKeyError:
        return True  # the answer to an earlier try was lost
    except PyMongoError:
        return False
    return True


def usual_job(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a job that waits, with the parameters of the job *found*."""
    now = datetime.now(UTC)
    return {
        **{name: found[name] for name in KEPT_OF_JOB},
        "status": "pending",
        "run": 1,
        "run_at": now,
        "attempt": 0,
        "forgiven": 0,
        "lost_leases": 0,
        "seq": 0,
        "cancel_requested": False,
        "created_at": now,
        "updated_at": now,
    }


def usual_delivery(found: Mapping[str, Any], document_id: str) -> dict[str, Any]:
    """Return the document of a delivery that is due now, to the receiver of the delivery *found*.

    Its body names the job of *document_id*, so that the ledger does not take it for the job of the
    delivery *found*.
    """
    body = json.loads(found["body"])
    body["process"]["id"] = document_id.removeprefix("msg_").rpartition("_")[0]
    body["seq"] = 1
    now = datetime.now(UTC)
    kept = ("owner", "run", "phase", "url", "origin", "token", "secret")
    return {
        **{name: found[name] for name in kept if name in found},
        "seq": 1,
        "body": json.dumps(body).encode(),
        "state": "pending",
        "tries": 0,
        "is_retry": False,
        "attempts": [],
        "created_at": now,
        "next_attempt_at": now,
    }
