"""One result of a check."""

from __future__ import annotations

from typing import Literal

from secretary_common.models.value import Value

Level = Literal["ok", "hint", "fault"]


class Finding(Value):
    """What one check has found."""

    check: str
    """A stable name, such as ``mongo.unreachable``."""
    level: Level
    """``hint``: something is missing that only some jobs need."""
    message: str
    remedy: str | None = None

    def line(self) -> str:
        """Return the finding in one line."""
        text = f"{self.level.upper():5}  {self.check}: {self.message}"
        return f"{text} -> {self.remedy}" if self.remedy else text


def ok(check: str, message: str) -> Finding:
    """Return the finding that nothing is wrong."""
    return Finding(check=check, level="ok", message=message)


def fault(check: str, message: str, remedy: str) -> Finding:
    """Return a fault."""
    return Finding(check=check, level="fault", message=" ".join(message.split()), remedy=remedy)


def hint(check: str, message: str, remedy: str) -> Finding:
    """Return a hint."""
    return Finding(check=check, level="hint", message=message, remedy=remedy)
