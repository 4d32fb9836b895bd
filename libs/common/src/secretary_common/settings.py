"""Configuration: ``config.yaml`` plus environment, checked whole at start.

``SECRETARY_CONFIG`` names another file. ``SECRETARY_<SECTION>__<KEY>`` in the environment wins over
the file (lists and maps as JSON); variables without ``__`` are not ours. Whatever is unknown or bad
stops the service with its name. Values never appear in the message: some are secret.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from secretary_common.errors import ConfigurationError
from secretary_common.media_section import MediaSection
from secretary_common.provider_section import (
    LlmSection,
    MistralSection,
    TranscriptionSection,
    VisionSection,
)
from secretary_common.section import HttpUrl, Port, Seconds, Section

PREFIX = "SECRETARY_"
DELIMITER = "__"
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


class FilesSection(Section):
    """Files."""

    roots: list[Path] = []
    """Folders whose files jobs may name; none: no job may name a file."""
    max_upload_mb: float = Field(default=200, gt=0)


class SecuritySection(Section):
    """What has no safe default, and what is allowed on top of it."""

    encryption_keys: list[FernetKey] = []
    """The first encrypts, all decrypt."""
    allow_networks: list[IPv4Network | IPv6Network] = []
    """Networks the URL guard lets through: self-hosted receivers, tests."""


class PdfSection(Section):
    """Limits of PDF processing; bytes are ``files.max_upload_mb``."""

    max_pages: int = Field(default=5000, ge=1)
    max_page_mpixels: float = Field(default=40, gt=0, le=1000)
    """Of the picture of a page, in millions; larger pages are drawn at fewer dpi."""
    max_text_mb: float = Field(default=64, gt=0)
    """Text of all pages of one document."""
    page_sec: Seconds = 60.0
    """CPU time for one page."""
    memory_mb: int = Field(default=2048, ge=256)
    """Of one child process."""
    cpu_sec: int = Field(default=600, ge=1)
    """Of one child process, which reads 200 pages at most."""
    timeout_sec: Seconds = 3600.0
    """Wall clock for all pages of one attempt; what was read by then is kept for the next."""
    ocr_parallel: int = Field(default=0, ge=0)
    """Child processes that recognise at a time, of all jobs; 0: as many as there are CPUs."""
    tessdata: Path | None = None
    """A folder with more OCR languages than the built-in eng and deu."""


class CacheSection(Section):
    """What was worked out before and is kept: pages read, speech heard, answers of models."""

    days: float = Field(default=30, ge=0.25)
    """Entries that were not used for so long go."""
    max_mb: float = Field(default=1024, gt=0)
    """Of all entries together; beyond it those go that were not used for the longest time."""


class TemplatesSection(Section):
    """Templates."""

    dir: Path | None = None
    """The user's own, which come before those shipped."""


class RetentionSection(Section):
    """How long finished jobs are kept."""

    finished_days: float = Field(default=30, gt=0)
    sweep_interval_sec: Seconds = 60.0
    """Between two rounds of removing what is over; one worker does it at a time."""


class LogSection(Section):
    """Log output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    generic_worker: GenericWorkerSection = GenericWorkerSection()
    mongo: MongoSection = MongoSection()
    broker: BrokerSection = BrokerSection()
    api: ApiSection = ApiSection()
    worker: WorkerSection = WorkerSection()
    notifier: NotifierSection = NotifierSection()
    files: FilesSection = FilesSection()
    security: SecuritySection = SecuritySection()
    pdf: PdfSection = PdfSection()
    templates: TemplatesSection = TemplatesSection()
    mistral: MistralSection = MistralSection()
    vision: VisionSection = VisionSection()
    llm: LlmSection = LlmSection()
    transcription: TranscriptionSection = TranscriptionSection()
    cache: CacheSection = CacheSection()
    media: MediaSection = MediaSection()
    retention: RetentionSection = RetentionSection()
    log: LogSection = LogSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults; nothing else."""
        del env_settings, dotenv_settings, file_secret_settings
        path = os.environ.get(f"{PREFIX}CONFIG")
        if path and not Path(path).is_file():
            raise ConfigurationError(f"{PREFIX}CONFIG names a file that is not there")
        return (
            init_settings,
            _OwnVariables(settings_cls),
            YamlConfigSettingsSource(settings_cls, yaml_file=path or "config.yaml"),
        )


class _OwnVariables(EnvSettingsSource):
    """The environment, less the variables that are not ours (no ``__`` in them)."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        loaded: Mapping[str, str | None] = super()._load_env_vars()
        prefix = PREFIX.lower()
        return {
            name: value
            for name, value in loaded.items()
            if not name.lower().startswith(prefix) or DELIMITER in name
        }


def load_settings(*, require: tuple[str, ...] = ()) -> Settings:
    """Read the configuration.

    Args:
        require: dotted names that have no safe default and must be set for this service, e.g.
            ``api.pepper``.

    Raises:
        ConfigurationError: naming every key that is unknown, bad or missing.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_describe, error.errors()))) from None
    except ValueError as error:  # e.g. YAML or JSON that does not parse
        raise ConfigurationError(f"configuration does not parse: {error}") from None
    problems = [*_unknown_variables(), *(_missing(settings, name) for name in require)]
    if found := [problem for problem in problems if problem]:
        raise ConfigurationError("; ".join(found))
    return settings


def _describe(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    message = "no such key" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{name}: {message}"


def _unknown_variables() -> list[str]:
    unknown = []
    for variable in os.environ:
        if not variable.startswith(PREFIX) or DELIMITER not in variable:
            continue
        section, _, key = variable.removeprefix(PREFIX).lower().partition(DELIMITER)
        fields = Settings.model_fields.get(section)
        keys = getattr(fields.annotation, "model_fields", {}) if fields else {}
        if key.partition(DELIMITER)[0] not in keys:
            unknown.append(f"{variable}: no such key")
    return sorted(unknown)


def _missing(settings: Settings, name: str) -> str | None:
    section, _, key = name.partition(".")
    value = getattr(getattr(settings, section), key)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value:
        return None
    variable = f"{PREFIX}{section.upper()}{DELIMITER}{key.upper()}"
    return f"{name} is required and has no safe default: set {variable} or {name} in config.yaml"
