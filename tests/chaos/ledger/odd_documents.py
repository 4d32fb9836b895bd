"""Ledger checks: each odd document has the fate that it must have."""

from __future__ import annotations

from chaos.ledger.evidence import Breach, Evidence, JsonObject, Violation, Violations
from chaos.oddity import Fate, OddDocument

UNREADABLE = "UNREADABLE"


def check(evidence: Evidence) -> Violations:
    """Yield violations in odd documents."""
    for odd, stored in evidence.odd:
        if message := _fault_of(odd, stored) or _webhook_fault(evidence, odd):
            yield Violation(Breach.ODD, odd.document_id, f"{odd.oddity.name}: {message}")


def has_settled(odd: OddDocument, stored: JsonObject | None) -> bool:
    """Return whether the document has reached its fate."""
    return _fault_of(odd, stored) is None


def _fault_of(odd: OddDocument, stored: JsonObject | None) -> str | None:
    if stored is None:
        return "it is not stored any more"
    match odd.oddity.fate:
        case Fate.SET_ASIDE:
            return _set_aside_fault(odd, stored)
        case Fate.SERVED:
            return _served_fault(odd, stored)
        case Fate.LEFT:
            return _kept_fault(odd, stored)


def _set_aside_fault(odd: OddDocument, stored: JsonObject) -> str | None:
    if not odd.is_job:
        state = stored.get("state")
        return None if state == "dead" else f"its state is {state}, not dead"
    code = (stored.get("error") or {}).get("code")
    if (stored.get("status"), code) != ("failed", UNREADABLE):
        return f"its status is {stored.get('status')}, its error {code}"
    return None


def _served_fault(odd: OddDocument, stored: JsonObject) -> str | None:
    name, expected = ("status", "completed") if odd.is_job else ("state", "delivered")
    if stored.get(name) != expected:
        return f"its {name} is {stored.get(name)}, not {expected}"
    return _kept_fault(odd, stored)


def _kept_fault(odd: OddDocument, stored: JsonObject) -> str | None:
    """Return which odd field has changed; None if all are as they were."""
    for name, value in odd.oddity.fields.items():
        if stored.get(name) != value:
            return f"its {name} is {stored.get(name)!r}, not {value!r}"
    return None


def _webhook_fault(evidence: Evidence, odd: OddDocument) -> str | None:
    received = [one for one in evidence.odd_webhooks if one.webhook_id == odd.document_id]
    served = odd.oddity.fate is Fate.SERVED and not odd.is_job
    if received and not served:
        return "it was delivered"
    return "it never reached the receiver" if served and not received else None
