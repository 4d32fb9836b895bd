"""The configuration: ``config.yaml`` plus environment variables, checked completely at start.

``SECRETARY_CONFIG`` names another file. ``SECRETARY_<SECTION>__<KEY>`` in the environment overrides
the file (lists and maps as JSON); variables without ``__`` are no settings. A secret can be in a
file of its own, which the key with ``_file`` names (``secret_file.py``). An unknown key or a bad
value stops the service with an error that names the key. The error never contains values, because
some are secret.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from secretary_common.errors import ConfigurationError
from secretary_common.runtime.lifecycle import listen_problem
from secretary_common.settings.documents import (
    DocumentsSection,
    MediaSection,
    PdfSection,
    TemplatesSection,
)
from secretary_common.settings.provider import (
    LlmSection,
    MistralSection,
    TranscriptionSection,
    VisionSection,
)
from secretary_common.settings.s3 import S3Section
from secretary_common.settings.secret_file import names_secret_file
from secretary_common.settings.service import (
    ApiSection,
    BrokerSection,
    CompatibleSection,
    GenericWorkerSection,
    LogSection,
    MongoSection,
    NotifierSection,
    OperatorSection,
    SecuritySection,
    TracingSection,
    WorkerSection,
)
from secretary_common.settings.storage import CacheSection, FilesSection, RetentionSection

PREFIX = "SECRETARY_"
DELIMITER = "__"
DEFAULT_FILE = "config.yaml"


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
    compatible: CompatibleSection = CompatibleSection()
    worker: WorkerSection = WorkerSection()
    notifier: NotifierSection = NotifierSection()
    files: FilesSection = FilesSection()
    s3: S3Section = S3Section()
    security: SecuritySection = SecuritySection()
    pdf: PdfSection = PdfSection()
    documents: DocumentsSection = DocumentsSection()
    templates: TemplatesSection = TemplatesSection()
    mistral: MistralSection = MistralSection()
    vision: VisionSection = VisionSection()
    llm: LlmSection = LlmSection()
    transcription: TranscriptionSection = TranscriptionSection()
    cache: CacheSection = CacheSection()
    media: MediaSection = MediaSection()
    retention: RetentionSection = RetentionSection()
    log: LogSection = LogSection()
    tracing: TracingSection = TracingSection()
    operator: OperatorSection = OperatorSection()
    handlers: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings of handler packages, a section each; the worker checks them",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the environment, then the file, then the defaults; no other source."""
        del env_settings, dotenv_settings, file_secret_settings
        path = os.environ.get(f"{PREFIX}CONFIG")
        if path and not Path(path).is_file():
            raise ConfigurationError(f"{PREFIX}CONFIG names a file that does not exist")
        return (
            init_settings,
            _OwnVariables(settings_cls),
            YamlConfigSettingsSource(settings_cls, yaml_file=path or DEFAULT_FILE),
        )


class _OwnVariables(EnvSettingsSource):
    """The environment without ``SECRETARY_`` variables that have no ``__`` in their name."""

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
        require: dotted names of settings without a safe default that this service needs, e.g.
            ``api.pepper``.

    Raises:
        ConfigurationError: a key is unknown, bad or missing, or the file cannot be read.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(map(_describe, error.errors()))) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{_file_name()}: not YAML{_line_of(error)}") from None
    except OSError as error:
        raise ConfigurationError(f"{_file_name()}: {error.strerror}") from None
    except (TypeError, ValueError) as error:  # JSON in a variable, or a file with another shape
        raise ConfigurationError(_unparsed(error)) from None
    problems = [*_unknown_variables(), *(_missing(settings, name) for name in require)]
    if found := [problem for problem in problems if problem]:
        raise ConfigurationError("; ".join(found))
    return settings


@contextlib.contextmanager
def exit_if_misconfigured(service: str) -> Iterator[None]:
    """End the process with one line and status 1 if the configuration turns out to be wrong."""
    try:
        yield
    except ConfigurationError as error:
        sys.exit(f"{service}: {' '.join(error.message.split())}")


def check_address(host_setting: str, port_setting: str, host: str, port: int) -> None:
    """Check that a server can listen on *host*:*port*.

    Raises:
        ConfigurationError: the server cannot listen; the message names both settings.
    """
    problem = listen_problem(host, port)
    if problem:
        raise ConfigurationError(f"{host_setting}, {port_setting}: {problem}")


def _file_name() -> str:
    return os.environ.get(f"{PREFIX}CONFIG") or DEFAULT_FILE


def _line_of(error: yaml.YAMLError) -> str:
    """Return the wrong line. The parser's own message shows its text, which may be a secret."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f", line {mark.line + 1}" if mark else ""


def _unparsed(error: Exception) -> str:
    if isinstance(error, SettingsError):  # it names the field, and shows no value
        return f"{error}; lists and maps are written as JSON"
    return f"{_file_name()}: it must hold sections with keys, in UTF-8"


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
        if section == "handlers":  # the worker checks these keys, because it knows the packages
            continue
        fields = Settings.model_fields.get(section)
        name = key.partition(DELIMITER)[0]
        if fields is None or not _has_key(fields.annotation, name):
            unknown.append(f"{variable}: no such key")
    return sorted(unknown)


def _has_key(section: Any, name: str) -> bool:
    return name in getattr(section, "model_fields", {}) or names_secret_file(section, name)


def _missing(settings: Settings, name: str) -> str | None:
    section, _, key = name.partition(".")
    value = getattr(getattr(settings, section), key)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value:
        return None
    variable = f"{PREFIX}{section.upper()}{DELIMITER}{key.upper()}"
    return (
        f"{name} is required and has no safe default: set {variable}, or {variable}_FILE to the "
        f"path of a file with it, or {name} in config.yaml"
    )
