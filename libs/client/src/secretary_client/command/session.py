"""The session of one command: the API that it calls, and how it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from secretary_client.client import RETRY_SEC, Client
from secretary_client.command.output import Row, print_note, write, write_table

URL, KEY = "SECRETARY_URL", "SECRETARY_KEY"
DEFAULT_URL = "http://localhost:5001"


class NoKey(Exception):
    """The command needs an API key and has none."""

    def __init__(self) -> None:
        super().__init__(f"no API key: set {KEY} or give --key")


@dataclass
class Session:
    """What the shared options say; it opens the client when the command first needs it."""

    context: typer.Context
    """The context of the command."""
    url: str = field(default_factory=lambda: os.environ.get(URL) or DEFAULT_URL)
    key: str = field(default_factory=lambda: os.environ.get(KEY, ""))
    retry_sec: float = RETRY_SEC
    as_json: bool = False
    """Whether the command writes JSON instead of tables and lines."""
    _client: Client | None = field(default=None, repr=False)

    @property
    def client(self) -> Client:
        """The client of the API.

        Raises:
            NoKey: there is no API key.
        """
        if not self.key:
            raise NoKey
        if self._client is None:
            self._client = Client(self.url, self.key, retry_sec=self.retry_sec)
        return self._client

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def write(self, value: object) -> None:
        """Write *value* to standard output: text unchanged, None not at all, all else as JSON."""
        write(value)

    def write_line(self, line: str, value: object) -> None:
        """Write *line*, or with ``--json`` *value* as JSON."""
        write(value if self.as_json else line)

    def write_table(
        self, columns: Sequence[str], rows: Iterable[Row], values: Sequence[Any]
    ) -> None:
        """Write *rows* as a table with *columns*, or with ``--json`` *values* as a JSON list."""
        if self.as_json:
            write(list(values))
        else:
            write_table(columns, rows)

    def note(self, line: str) -> None:
        """Write *line* to standard error."""
        print_note(line)
