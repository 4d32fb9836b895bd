"""The ways in which the fake provider can fail a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

JsonObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    """The way in which the provider fails one request. Class methods make the usual failures."""

    executed: bool = False
    """Whether the provider executes the request before the failure."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent instead of the correct body."""
    content_type: str = "application/json"
    edit: Callable[[JsonObject], JsonObject] | None = None
    """Changes the correct body before it is sent."""
    keep_bytes: int | None = None
    """The body ends after this many bytes; ``Content-Length`` says the same."""
    cut_at: int | None = None
    """The connection ends after this many bytes of the body; ``Content-Length`` says more."""
    drip_sec: float = 0.0
    """The pause between two bytes of the body."""
    delay_sec: float = 0.0
    hang: bool = False
    """The provider never answers."""
    reset: bool = False
    """The provider resets the connection instead of answering."""

    @classmethod
    def rate_limited(cls, retry_after: str | None = None) -> Self:
        """Make the provider answer 429, with *retry_after* if it is given."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return cls.failing(429, "Rate limit reached for requests", headers=headers)

    @classmethod
    def failing(
        cls, status: int, message: str = "failed", *, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Make the provider answer *status* with a message in OpenAI's form."""
        body = b'{"error": {"message": "%s", "type": "t", "code": null}}' % message.encode()
        return cls(status=status, body=body, headers=headers or {})

    @classmethod
    def truncated(cls, keep_bytes: int = 20) -> Self:
        """Make the provider send incomplete JSON in a complete HTTP response."""
        return cls(executed=True, keep_bytes=keep_bytes)

    @classmethod
    def cut_off(cls, at: int = 10) -> Self:
        """Make the provider close the connection in the middle of the body."""
        return cls(executed=True, cut_at=at)

    @classmethod
    def dripping(cls, every_sec: float = 0.02) -> Self:
        """Make the provider send one byte of the body every *every_sec*."""
        return cls(executed=True, drip_sec=every_sec)

    @classmethod
    def hanging(cls, *, executed: bool = False) -> Self:
        """Make the provider never answer."""
        return cls(hang=True, executed=executed)

    @classmethod
    def resetting(cls, *, executed: bool = False) -> Self:
        """Make the provider reset the connection instead of answering."""
        return cls(reset=True, executed=executed)

    @classmethod
    def edited(cls, edit: Callable[[JsonObject], JsonObject]) -> Self:
        """Make the provider send the correct body as changed by *edit*."""
        return cls(executed=True, edit=edit)

    @classmethod
    def html(cls) -> Self:
        """Make the provider send a web page, as a login proxy does."""
        return cls(status=200, body=b"<html>Please log in</html>", content_type="text/html")

    @classmethod
    def huge(cls, size: int) -> Self:
        """Make the provider send a body of about *size* bytes."""
        return cls(status=200, body=b'{"a": "' + b"x" * size + b'"}')
