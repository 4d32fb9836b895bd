"""What ``secretary listen`` remembers between two runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from secretary_client.cli.private_file import write_private
from secretary_client.core.signing_secret import new_secret


class ListenState:
    """The secret and the place in the stream, for one API and one local URL, in a file.

    Only its owner may read the file, because it has the secret.
    """

    def __init__(self, folder: Path, api: str, target: str) -> None:
        """Read the state from a file in *folder*, or make a new one with a new secret.

        Args:
            folder: the folder of the command's files.
            api: the URL of the API.
            target: the URL of the local server.
        """
        name = hashlib.sha256(f"{api}\n{target}".encode()).hexdigest()[:16]
        self._path = folder / f"listen-{name}.json"
        self._stored = self._read()
        self._stored.setdefault("secret", new_secret())
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
        write_private(self._path, json.dumps(self._stored))

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}
