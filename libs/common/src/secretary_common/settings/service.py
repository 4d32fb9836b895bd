"""Settings of the services, of MongoDB and RabbitMQ, of secrets and of logs."""

from __future__ import annotations

import base64
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr

from secretary_common.settings.section import (
    AmqpUrl,
    HttpUrl,
    Port,
    Seconds,
    SecondsOrZero,
    SecretHttpUrl,
    Section,
)

# Standard Webhooks, "signature scheme": secrets have 24 to 64 random bytes.
WEBHOOK_SECRET_BYTES = range(24, 65)


def check_fernet_key(value: SecretStr) -> SecretStr:
    """Return *value* if it is a Fernet key (32 bytes, URL-safe base64).

    Raises:
        ValueError: it is not; the message does not contain the value.
    """
    try:
        Fernet(value.get_secret_value())
    except ValueError:
        raise ValueError("not a Fernet key: 32 bytes in URL-safe base64") from None
    return value


def check_webhook_secret(value: str) -> str:
    """Return *value* if it is ``whsec_`` and base64 of 24 to 64 bytes.

    Raises:
        ValueError: it is not; the message does not contain the value.
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


def _check_database(value: str) -> str:
    if value in ("admin", "config", "local"):
        raise ValueError("this database belongs to MongoDB itself")
    return value


# https://www.mongodb.com/docs/manual/reference/limits/: names that every platform accepts.
DatabaseName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$"), AfterValidator(_check_database)
]
FernetKey = Annotated[SecretStr, AfterValidator(check_fernet_key)]
SigningSecret = Annotated[SecretStr, AfterValidator(_check_signing_secret)]


class GenericWorkerSection(Section):
    """How the worker claims jobs."""

    active: bool = True
    """False: the worker runs and reports, but claims no jobs."""
    max_concurrent: int = Field(default=3, ge=1, le=1000)
    poll_interval_sec: Seconds = 5.0


class MongoSection(Section):
    """MongoDB, the source of truth."""

    url: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    """``mongo/url.py`` checks it, because the driver knows its options."""
    database: DatabaseName = "secretary"
    driver: Literal["motor", "pymongo"] = "motor"


class BrokerSection(Section):
    """RabbitMQ, the doorbell; with an empty URL, the services only poll."""

    url: AmqpUrl = SecretStr("")
    management_url: SecretHttpUrl = SecretStr("")
    """RabbitMQ's management API, credentials included; ``secretary-init`` sets a policy there."""


class ApiSection(Section):
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: Port = 5001
    public_url: HttpUrl = "http://localhost:5001"
    bootstrap_key: SecretStr = SecretStr("")
    """An admin key for the first use and for tests; empty: none."""
    pepper: SecretStr = SecretStr("")
    max_body_mb: float = Field(default=10, gt=0, le=1000)


class WorkerSection(Section):
    """The worker."""

    lease_sec: Seconds = 30.0
    heartbeat_sec: Seconds = 10.0
    drain_sec: SecondsOrZero = 30.0
    max_lost_leases: int = Field(default=10, ge=1, le=1000)
    """A job that loses its worker so often in one run fails with ``WORKER_LOST``."""
    job_types: list[str] = []
    """Run only these job types; empty: all types that have a handler."""
    handler_modules: list[str] = []
    host: str = "127.0.0.1"
    http_port: Port = 5002

    @property
    def renewal_sec(self) -> float:
        """``heartbeat_sec``, or a third of ``lease_sec`` if shorter: one renewal may fail then."""
        return min(self.heartbeat_sec, self.lease_sec / 3)


class NotifierSection(Section):
    """The notifier."""

    max_in_flight: int = Field(default=64, ge=1)
    per_origin: int = Field(default=4, ge=1)
    timeout_sec: Seconds = 15.0
    poll_interval_sec: Seconds = 5.0
    retry_schedule_sec: list[SecondsOrZero] = Field(
        # The example of Standard Webhooks: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
        default=[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        min_length=1,
    )
    signing_secrets: list[SigningSecret] = []
    host: str = "127.0.0.1"
    http_port: Port = 5003


class SecuritySection(Section):
    """Encryption keys, and exceptions of the URL guard."""

    encryption_keys: list[FernetKey] = []
    """The first key encrypts, all keys decrypt."""
    allow_networks: list[IPv4Network | IPv6Network] = []
    """Networks that the URL guard allows: self-hosted receivers, tests."""


class LogSection(Section):
    """Log output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
