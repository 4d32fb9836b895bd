"""The place in the stream up to which every event has been forwarded."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET_BYTES = 32


@dataclass(slots=True)
class _Taken:
    event_id: str
    at: str
    is_done: bool = False


class Places:
    """Finds the place at which the stream continues so that no event is missed."""

    def __init__(self, keep: Callable[[str, str], object]) -> None:
        """*keep* stores the place after an event, and the time of the event."""
        self._keep = keep
        self._taken: deque[_Taken] = deque()

    @property
    def waiting(self) -> int:
        """How many events are not forwarded yet, or only after an earlier one."""
        return len(self._taken)

    def take(self, event_id: str, at: str) -> Callable[[], None]:
        """Note an event in the order of the stream; return what to call when it is forwarded."""
        taken = _Taken(event_id, at)
        self._taken.append(taken)

        def done() -> None:
            taken.is_done = True
            last: _Taken | None = None
            while self._taken and self._taken[0].is_done:
                last = self._taken.popleft()
            if last:
                self._keep(last.event_id, last.at)

        return done


class ListenState:
    """What ``secretary listen`` remembers of one API and one local URL, in a file.

    Only its owner may read the file, because it has the secret.
    """

    def __init__(self, folder: Path, api: str, target: str) -> None:
        """Read the state, or make a new one with a new secret."""
        name = hashlib.sha256(f"{api}\n{target}".encode()).hexdigest()[:16]
        self._path = folder / f"listen-{name}.json"
        self._stored = self._read()
        self._stored.setdefault("secret", _new_secret())
        self._stored.update(api=api, target=target)

    @property
    def secret(self) -> str:
        """The secret that signs the webhooks, ``whsec_…``."""
        return str(self._stored["secret"])

    @property
    def place(self) -> str | None:
        """The id of the last event whose predecessors are all forwarded; None: there is none."""
        return self._stored.get("place")

    @property
    def at(self) -> str | None:
        """The time of that event, ISO 8601."""
        return self._stored.get("at")

    def keep(self, place: str, at: str) -> None:
        """Store the place and the time of its event."""
        self._stored.update(place=place, at=at)
        self.write()

    def write(self) -> None:
        """Store the state."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            json.dump(self._stored, file)
        part.replace(self._path)

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
