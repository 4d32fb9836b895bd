"""Requests to one API, repeated while it is away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import httpx

from secretary_client.core.answer import check, data_of
from secretary_client.core.effect import Flow, Item, Items, Open, Read, Request, Send, Work
from secretary_client.core.repetition import Repetition


@dataclass(frozen=True, slots=True)
class Requests:
    """Makes the flows of single requests, of pages and of downloads."""

    repetition: Repetition

    def data(self, method: str, path: str, **options: Any) -> Flow[Any]:
        """Send a request and return the data of its answer; *options* are the options of httpx.

        Raises:
            ApiError: the answer is an error.
            Unreachable: there was no answer.
        """

        def attempt() -> Flow[Any]:
            return data_of((yield Send(Request(method, path, options))))

        return (yield from self.repetition.repeated(attempt))

    def opened(
        self, path: str, *, within_sec: float = math.inf, **options: Any
    ) -> Flow[httpx.Response]:
        """Open the answer to a GET for ``Read``.

        Raises:
            ApiError: the answer is an error.
            Unreachable: there was no answer within *within_sec*.
        """
        return (
            yield from self.repetition.repeated(lambda: _open(path, options), within_sec=within_sec)
        )

    def pages(
        self,
        path: str,
        name: str,
        cursor: str,
        filters: Mapping[str, Any] | None = None,
        after: str | None = None,
    ) -> Items[Any]:
        """Yield the entries of all pages of a list.

        Args:
            path: the path of the list.
            name: the key of the entries in an answer.
            cursor: the parameter that gets the ``next`` of the page before.
            filters: the other parameters.
            after: ``next`` of a page: the entries begin after it.
        """
        following = after
        while True:
            place = {cursor: following} if following else {}
            page = yield from self.data("GET", path, params={**(filters or {}), **place})
            found: Iterable[Any] = page[name]
            for one in found:
                yield Item(one)
            following = page["next"]
            if following is None:
                return

    def saved(self, path: str, target: Path) -> Flow[bool]:
        """Write the content at *path* to *target*, completely or not at all.

        Returns:
            False: the API accepted the request, but the content does not exist yet.
        """
        part = target.with_name(f".{target.name}.part")

        def attempt() -> Flow[bool]:
            if (yield from _open(path, {})).status_code == httpx.codes.ACCEPTED:
                return False
            with part.open("wb") as file:
                yield from _copied(file)
            return True

        try:
            if not (yield from self.repetition.repeated(attempt)):
                return False
            yield Work(lambda: part.replace(target))
        finally:
            part.unlink(missing_ok=True)
        return True


def _open(path: str, options: Mapping[str, Any]) -> Flow[httpx.Response]:
    response: httpx.Response = yield Open(Request("GET", path, options))
    check(response)
    return response


def _copied(file: IO[bytes]) -> Flow[None]:
    while (chunk := (yield Read())) is not None:
        yield Work(partial(file.write, chunk))
