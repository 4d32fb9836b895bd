"""Settings of the services, of MongoDB and RabbitMQ, of secrets and of logs."""

from __future__ import annotations

import base64
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, model_validator

from secretary_common.http.proxy import Proxy
from secretary_common.http.url_guard import Lookup, UrlGuard
from secretary_common.runtime.metrics_token import MetricsToken
from secretary_common.settings.secret_file import HoldsPassword
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
MIN_SECRET_CHARACTERS = 24
"""The shortest pepper, bootstrap key and metrics token.

Nothing else slows down the guesses of an attacker.
"""
_HOST = re.compile(r"[a-z0-9._-]{1,254}(:[0-9]{1,5})?", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
_PROXY = re.compile(
    r"http://([^\s/@:]+:[^\s/@]*@)?([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?/?", re.IGNORECASE
)


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


def _check_strength(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < MIN_SECRET_CHARACTERS:
        raise ValueError(
            f"too short: a secret has at least {MIN_SECRET_CHARACTERS} characters, "
            "for example of: openssl rand -hex 32"
        )
    return value


def _check_database(value: str) -> str:
    if value in ("admin", "config", "local"):
        raise ValueError("this database belongs to MongoDB itself")
    return value


# https://www.mongodb.com/docs/manual/reference/limits/: names that every platform accepts.
DatabaseName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$"), AfterValidator(_check_database)
]


def _check_allowed_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("not a name, or a name and a port: app, app:8000")
    if _NUMBER.fullmatch(value.partition(":")[0].rstrip(".").rpartition(".")[2]):
        raise ValueError("an address belongs into security.allow_networks")
    return value


def _check_proxy_url(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and not _PROXY.fullmatch(value.get_secret_value()):
        raise ValueError("not http://host:port or http://user:password@host:port")
    return value


AllowedHost = Annotated[str, AfterValidator(_check_allowed_host)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_check_proxy_url)]
FernetKey = Annotated[SecretStr, AfterValidator(check_fernet_key)]
StrongSecret = Annotated[SecretStr, AfterValidator(_check_strength)]
SigningSecret = Annotated[SecretStr, AfterValidator(_check_signing_secret)]


class GenericWorkerSection(Section):
    """The settings by which a worker claims jobs."""

    active: bool = True
    """False: the worker runs and reports, but claims no jobs."""
    max_concurrent: int = Field(default=3, ge=1, le=1000)
    guest_slot: bool = True
    """Whether a full worker runs one more job, of an API key that runs none on it."""
    poll_interval_sec: Seconds = 5.0


class MongoSection(Section):
    """MongoDB, the source of truth."""

    url: Annotated[str, HoldsPassword] = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    """``mongo/url.py`` checks this URL, because the driver knows its options."""
    database: DatabaseName = "secretary"
    driver: Literal["pymongo", "motor"] = "pymongo"


QueueType = Literal["quorum", "classic"]
"""A quorum queue is replicated to several nodes of a cluster; a classic queue has one node."""


class BrokerSection(Section):
    """RabbitMQ, the doorbell; with an empty URL, the services only poll."""

    url: AmqpUrl = SecretStr("")
    """The URLs of a cluster's nodes are separated by commas."""
    queue_type: QueueType = "quorum"
    """The type of the queues whose doorbells the broker stores."""
    management_url: SecretHttpUrl = SecretStr("")
    """RabbitMQ's management API, credentials included; ``secretary-init`` sets a policy there."""


class ApiSection(Section):
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: Port = 5001
    public_url: HttpUrl = "http://localhost:5001"
    bootstrap_key: StrongSecret = SecretStr("")
    """An admin key for the first use and for tests; empty: none."""
    pepper: StrongSecret = SecretStr("")
    max_body_mb: float = Field(default=10, gt=0, le=1000)
    source_url: HttpUrl = ""
    """Where the source code of this service is, which the AGPL promises its users."""
    head_sec: Seconds = 30.0
    """The time for the head of a request; a connection that sends none is closed after it."""
    body_sec: Seconds = 60.0
    """The time for the body of a request, uploads excepted."""
    limit_concurrency: int = Field(default=2000, ge=1)
    """The most requests of this process under way, streams included; more get 503."""
    max_values: int = Field(default=200_000, ge=1000)
    """The most values in a JSON body: commas and opening brackets are counted."""
    turn_sec: Seconds = 60.0
    """How long a large JSON body or an upload waits for others of the same API key."""


class CompatibleSection(Section):
    """Routes that clients of docling-serve and of Open WebUI's document loader know."""

    active: bool = True
    """The routes need an API key as all others do, and make jobs as all others do."""
    max_wait_sec: Seconds = 300.0
    """How long a request waits for the end of its job."""


class WorkerSection(Section):
    """The worker."""

    lease_sec: Seconds = 30.0
    heartbeat_sec: Seconds = 10.0
    drain_sec: SecondsOrZero = 30.0
    max_lost_leases: int = Field(default=10, ge=1, le=1000)
    """A job that loses this many leases in one run fails with ``WORKER_LOST``."""
    job_types: list[str] = []
    """Run only these job types; empty: all types that have a handler."""
    handler_modules: list[str] = []
    sandbox: Literal["available", "strict"] = "available"
    """Strict: the worker does not start if the kernel lacks a layer of the sandbox."""
    host: str = "127.0.0.1"
    http_port: Port = 5002

    @property
    def renewal_sec(self) -> float:
        """The smaller of ``heartbeat_sec`` and a third of ``lease_sec``: one renewal may fail."""
        return min(self.heartbeat_sec, self.lease_sec / 3)


class NotifierSection(Section):
    """The notifier."""

    max_in_flight: int = Field(default=64, ge=1)
    per_origin: int = Field(default=4, ge=1)
    timeout_sec: Seconds = 15.0
    first_timeout_sec: Seconds = 5.0
    """The deadline of the first request to a receiver that the notifier does not know."""
    poll_interval_sec: Seconds = 5.0
    retry_schedule_sec: list[SecondsOrZero] = Field(
        # The example of Standard Webhooks: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
        default=[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        min_length=1,
    )
    signing_secrets: list[SigningSecret] = []
    client_cert: Path | None = None
    """A PEM certificate for receivers that ask for one."""
    client_key: Path | None = None
    """The key of ``client_cert``; None: ``client_cert`` contains the key too."""
    host: str = "127.0.0.1"
    http_port: Port = 5003

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Self:
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("client_key is the key of client_cert, which is not set")
        return self


class SecuritySection(Section):
    """Encryption keys, and exceptions of the URL guard."""

    encryption_keys: list[FernetKey] = []
    """The first key encrypts, all keys decrypt."""
    allow_networks: list[IPv4Network | IPv6Network] = []
    """Networks that the URL guard allows: self-hosted receivers, tests."""
    allow_hosts: list[AllowedHost] = []
    """Names that the URL guard allows at any address: ``app`` or ``app:8000``."""
    ca_file: Path | None = None
    """PEM certificates of authorities that are trusted besides the public ones."""
    proxy_url: ProxyUrl = SecretStr("")
    """The HTTP proxy through which requests leave; empty: none."""
    proxy_resolves_names: bool = False
    """Whether only the proxy can resolve public names, so that the proxy must check addresses."""
    metrics_token: StrongSecret = SecretStr("")
    """Opens ``/metrics`` of each service. Without it, workers and notifiers ask for none."""

    def url_guard(self, *, lookup: Lookup | None = None) -> UrlGuard:
        """Return the guard for URLs of clients; *lookup* replaces the system's resolver."""
        return UrlGuard(self.allow_networks, allow_hosts=self.allow_hosts, lookup=lookup)

    def metrics_access(self) -> MetricsToken:
        """Return the token that opens ``/metrics``."""
        return MetricsToken(self.metrics_token.get_secret_value())

    def proxy(self) -> Proxy | None:
        """Return the proxy; None if requests leave without a proxy."""
        url = self.proxy_url.get_secret_value()
        return Proxy(url, resolves_names=self.proxy_resolves_names) if url else None


class TracingSection(Section):
    """Where traces go (OpenTelemetry)."""

    endpoint: HttpUrl | Literal[""] = ""
    sample_ratio: float = Field(default=0.1, ge=0, le=1)


class OperatorSection(Section):
    """Operator events: which faults are reported, and where besides endpoints."""

    apprise_urls: list[SecretStr] = []
    """Services that apprise knows, such as ``mailtos://…``; needs the package ``apprise``."""
    after_sec: SecondsOrZero = 60.0
    """A fault is reported when it has lasted for this time."""
    again_sec: Seconds = 3600.0
    """The shortest time between two events that the same cause begins or lasts."""
    interval_sec: Seconds = 15.0
    """The time between two reports of a process.

    A fault that no process has reported for four times as long is over.
    """
    disk_free_percent: float = Field(default=10, ge=0, le=100)
    """MongoDB's disk is almost full if less of it is free."""


class LogSection(Section):
    """Log output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
