"""Compares the indexes that a collection has with those that Secretary defines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel

from secretary_common.mongo.driver.collection import Document

# Properties that MongoDB adds to each index, and the keys, which have an order.
_NOT_OPTIONS = frozenset({"v", "ns", "background", "name", "key"})


@dataclass(frozen=True, slots=True)
class Difference:
    """The reason why a collection lacks an index as Secretary defines it."""

    reason: str
    blocked_by: str | None = None
    """The name of the index that must go before the wanted one can be built."""

    def remedy(self, collection: str) -> str:
        """Return the next step for the operator."""
        if self.blocked_by is None:
            return "run secretary-init"
        return f"drop the index {self.blocked_by} of {collection}, then run secretary-init"


def difference(index: IndexModel, existing: Sequence[Document]) -> Difference | None:
    """Return the reason why *existing* lacks *index*; None if *existing* has it as defined.

    Args:
        index: the index as Secretary defines it.
        existing: the answer of ``listIndexes``.
    """
    wanted = index.document
    for found in existing:
        if found["name"] == wanted["name"]:
            differs = _between(wanted, found)
            return Difference(differs, found["name"]) if differs else None
    for found in existing:
        if _between(wanted, found) is None:
            return Difference(f"the same index has the name {found['name']}", found["name"])
    return Difference("there is no such index")


def _between(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    parts = []
    if list(wanted["key"].items()) != list(found["key"].items()):
        parts.append(f"its keys are {_keys(found)}, not {_keys(wanted)}")
    for option in sorted((wanted.keys() | found.keys()) - _NOT_OPTIONS):
        ours, theirs = wanted.get(option, "unset"), found.get(option, "unset")
        if ours != theirs:
            parts.append(f"its option {option} is {_plain(theirs)}, not {_plain(ours)}")
    return "; ".join(parts) or None


def _keys(index: Mapping[str, Any]) -> str:
    return ", ".join(f"{field} {_plain(order)}" for field, order in index["key"].items())


def _plain(value: Any) -> str:
    """Return *value* without the driver's types, which mean nothing to an operator."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(each)}" for key, each in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
