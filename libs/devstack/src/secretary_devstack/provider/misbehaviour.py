"""The ways a provider goes wrong, one request each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

JsonObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    """How one request is answered in place of well. The class methods name the usual ones."""

    carried_out: bool = False
    """Whether what was asked is done before the answer goes wrong."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """In place of the honest answer."""
    content_type: str = "application/json"
    edit: Callable[[JsonObject], JsonObject] | None = None
    """What becomes of the honest answer."""
    keep_bytes: int | None = None
    """The body ends after so many, as if that were all."""
    cut_at: int | None = None
    """The connection ends after so many bytes of the body, though more were announced."""
    drip_sec: float = 0.0
    """Between two bytes."""
    delay_sec: float = 0.0
    hang: bool = False
    """No answer, ever."""
    reset: bool = False

    @classmethod
    def rate_limited(cls, retry_after: str | None = None) -> Self:
        """429, with a ``Retry-After`` or without."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return cls.failing(429, "Rate limit reached for requests", headers=headers)

    @classmethod
    def failing(
        cls, status: int, message: str = "failed", *, headers: Mapping[str, str] | None = None
    ) -> Self:
        """*status*, with OpenAI's form of a message."""
        body = b'{"error": {"message": "%s", "type": "t", "code": null}}' % message.encode()
        return cls(status=status, body=body, headers=headers or {})

    @classmethod
    def truncated(cls, keep_bytes: int = 20) -> Self:
        """JSON that stops in the middle, properly sent."""
        return cls(carried_out=True, keep_bytes=keep_bytes)

    @classmethod
    def cut_off(cls, at: int = 10) -> Self:
        """The connection ends within the body."""
        return cls(carried_out=True, cut_at=at)

    @classmethod
    def dripping(cls, every_sec: float = 0.02) -> Self:
        """A body of one byte now and then."""
        return cls(carried_out=True, drip_sec=every_sec)

    @classmethod
    def hanging(cls, *, carried_out: bool = False) -> Self:
        """No answer."""
        return cls(hang=True, carried_out=carried_out)

    @classmethod
    def resetting(cls, *, carried_out: bool = False) -> Self:
        """The connection is reset in place of an answer."""
        return cls(reset=True, carried_out=carried_out)

    @classmethod
    def edited(cls, edit: Callable[[JsonObject], JsonObject]) -> Self:
        """The honest answer as *edit* leaves it."""
        return cls(carried_out=True, edit=edit)

    @classmethod
    def html(cls) -> Self:
        """A page for people, as a proxy in between gives it."""
        return cls(status=200, body=b"<html>Please log in</html>", content_type="text/html")

    @classmethod
    def huge(cls, size: int) -> Self:
        """A body of *size* bytes."""
        return cls(status=200, body=b'{"a": "' + b"x" * size + b'"}')
