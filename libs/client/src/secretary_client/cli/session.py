"""The session of one command: the API that it calls, and how it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from secretary_client.async_client import AsyncClient
from secretary_client.cli.profiles import stored_profiles
from secretary_client.cli.terminal.output import Row, print_note, write, write_table
from secretary_client.client import Client
from secretary_client.core.connection import RETRY_SEC, root_of
from secretary_client.core.repetition import Retry

URL, KEY, PROFILE = "SECRETARY_URL", "SECRETARY_KEY", "SECRETARY_PROFILE"
DEFAULT_URL = "http://localhost:5001"


class NoKey(Exception):
    """The command needs an API key and has none."""

    def __init__(self, url: str) -> None:
        super().__init__(f"no API key for {url}: run secretary login, set {KEY} or give --key")


@dataclass
class Session:
    """What the shared options say; it opens the client when the command first needs it."""

    context: typer.Context
    """The context of the command."""
    url: str = field(default_factory=lambda: os.environ.get(URL, ""))
    key: str = field(default_factory=lambda: os.environ.get(KEY, ""))
    profile: str = field(default_factory=lambda: os.environ.get(PROFILE, ""))
    retry_sec: float = RETRY_SEC
    as_json: bool = False
    """Whether the command writes JSON instead of tables and lines."""
    _client: Client | None = field(default=None, repr=False)

    @property
    def client(self) -> Client:
        """The client of the API.

        Raises:
            NoKey: there is no API key.
            ValueError: there is no such profile.
        """
        if self._client is None:
            url, key = self._url_and_key()
            self._client = Client(url, key, retry_sec=self.retry_sec, on_retry=self._announce)
        return self._client

    def async_client(self) -> AsyncClient:
        """Return a client of the API for an event loop; the caller closes it.

        Raises:
            NoKey: there is no API key.
            ValueError: there is no such profile.
        """
        url, key = self._url_and_key()
        return AsyncClient(url, key, retry_sec=self.retry_sec, on_retry=self._announce)

    def connection(self) -> tuple[str, str]:
        """Return the URL of the API and the key, which may be empty.

        Options and variables go before the profile. The key of a profile is only used for the URL
        of this profile.
        """
        profile = stored_profiles().named(self.profile)
        if profile and (not self.url or root_of(self.url) == root_of(profile.url)):
            return root_of(profile.url), self.key or profile.key
        return root_of(self.url or DEFAULT_URL), self.key

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

    def write_done(self, done: str, identity: str) -> None:
        """With ``--json`` write that the thing with the id *identity* is *done*, else nothing.

        Args:
            done: a participle, for example ``cancelled``.
            identity: the id.
        """
        if self.as_json:
            write({"done": done, "id": identity})

    def write_event(self, line: str, value: object) -> None:
        """Write *line*, or with ``--json`` *value* as JSON in one line: for one of many events."""
        write(json.dumps(value, ensure_ascii=False) if self.as_json else line)

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

    def _url_and_key(self) -> tuple[str, str]:
        url, key = self.connection()
        if not key:
            raise NoKey(url)
        return url, key

    def _announce(self, retry: Retry) -> None:
        if retry.number == 1:
            cause = retry.error.__cause__ or retry.error
            url, _ = self.connection()
            print_note(
                f"secretary: {url} does not answer ({cause}); trying for {retry.left_sec:.0f} s"
            )
