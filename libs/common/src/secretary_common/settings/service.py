"""The services, the servers behind them, their secrets and their logs."""

from __future__ import annotations

import base64
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr

from secretary_common.settings.section import HttpUrl, Port, Seconds, Section

# Standard Webhooks, "signature scheme": secrets have 24 to 64 random bytes.
WEBHOOK_SECRET_BYTES = range(24, 65)


def check_fernet_key(value: SecretStr) -> SecretStr:
    """Refuse what is not a Fernet key (32 bytes, URL-safe base64)."""
    try:
        Fernet(value.get_secret_value())
    except ValueError:
        raise ValueError("not a Fernet key: 32 bytes in URL-safe base64") from None
    return value


def check_webhook_secret(value: str) -> str:
    """Refuse what is not ``whsec_`` + base64 of 24 to 64 bytes.

    Raises:
        ValueError: without the value in its message.
    """
    prefix, _, encoded = value.partition("_")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if prefix != "whsec" or len(raw) not in WEBHOOK_SECRET_BYTES:
        raise ValueError("a signing secret is whsec_ and base64 of 24 to 64 bytes")
    return value


def _check_signing_secret(value: SecretStr) -> SecretStr:
    check_webhook_secret(value.get_secret_value())
    return value


FernetKey = Annotated[SecretStr, AfterValidator(check_fernet_key)]
SigningSecret = Annotated[SecretStr, AfterValidator(_check_signing_secret)]


class GenericWorkerSection(Section):
    """The original documentation's section."""

    active: bool = True
    """False: the worker stays up, reports itself and claims nothing."""
    max_concurrent: int = Field(default=3, ge=1, le=1000)
    poll_interval_sec: Seconds = 5.0


class MongoSection(Section):
    """Where the truth lies."""

    url: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    database: str = "secretary"
    driver: Literal["motor", "pymongo"] = "motor"


class BrokerSection(Section):
    """Where the doorbell hangs; an empty URL means polling alone."""

    url: SecretStr = SecretStr("")
    management_url: SecretStr = SecretStr("")
    """RabbitMQ's management API, credentials included; ``secretary-init`` sets a policy there."""


class ApiSection(Section):
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: Port = 5001
    public_url: HttpUrl = "http://localhost:5001"
    bootstrap_key: SecretStr = SecretStr("")
    """An admin key for first use and tests; empty: none."""
    pepper: SecretStr = SecretStr("")
    max_body_mb: float = Field(default=10, gt=0, le=1000)


class WorkerSection(Section):
    """The worker."""

    lease_sec: Seconds = 30.0
    heartbeat_sec: Seconds = 10.0
    drain_sec: float = Field(default=30.0, ge=0)
    job_types: list[str] = []
    """Only these; empty: all it has handlers for."""
    handler_modules: list[str] = []
    host: str = "127.0.0.1"
    http_port: Port = 5002

    @property
    def renewal_sec(self) -> float:
        """``heartbeat_sec``, but often enough that one renewal may fail before a lease is lost."""
        return min(self.heartbeat_sec, self.lease_sec / 3)


class NotifierSection(Section):
    """The notifier."""

    max_in_flight: int = Field(default=64, ge=1)
    per_origin: int = Field(default=4, ge=1)
    timeout_sec: Seconds = 15.0
    poll_interval_sec: Seconds = 5.0
    retry_schedule_sec: list[Annotated[float, Field(ge=0)]] = Field(
        # Standard Webhooks' example: now, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
        default=[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        min_length=1,
    )
    signing_secrets: list[SigningSecret] = []
    host: str = "127.0.0.1"
    http_port: Port = 5003


class SecuritySection(Section):
    """What has no safe default, and what is allowed on top of it."""

    encryption_keys: list[FernetKey] = []
    """The first encrypts, all decrypt."""
    allow_networks: list[IPv4Network | IPv6Network] = []
    """Networks the URL guard lets through: self-hosted receivers, tests."""


class LogSection(Section):
    """Log output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
