"""The base class and the types of all sections of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from secretary_common.settings.secret_file import with_secrets_of_files

# Python's dates end with the year 9999; no useful wait is longer than 30 years.
LONGEST_SEC = 1e9


def _check_http_url(value: str) -> str:
    _check_url(value, ("http", "https"))
    return value.rstrip("/")


def _check_secret_http_url(value: SecretStr) -> SecretStr:
    _check_url(value.get_secret_value(), ("http", "https"))
    return value


def _check_amqp_url(value: SecretStr) -> SecretStr:
    hosts = set()
    for url in value.get_secret_value().split(","):
        _check_url(url.strip(), ("amqp", "amqps"))
        hosts.add(urlsplit(url.strip()).path or "/")
    if len(hosts) > 1:
        raise ValueError("the URLs of a cluster's nodes need the same virtual host")
    return value


def _check_url(value: str, schemes: tuple[str, str]) -> None:
    """Refuse an invalid URL with a message that does not show it; an empty URL is valid."""
    if not value:
        return
    if value.partition("://")[0] not in schemes:
        raise ValueError(f"not an {schemes[0]} or {schemes[1]} URL")
    try:
        parts = urlsplit(value)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:  # urllib's message contains a part of the URL, maybe of a password
        valid = False
    # An unescaped password ends the host too early, and the rest of it becomes the path.
    if not valid or "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(
            f"not a URL like {schemes[0]}://user:password@host:port; percent-encode special "
            "characters of the user and the password (%40 for @, %2F for /)"
        )


HttpUrl = Annotated[str, AfterValidator(_check_http_url)]
SecretHttpUrl = Annotated[SecretStr, AfterValidator(_check_secret_http_url)]
AmqpUrl = Annotated[SecretStr, AfterValidator(_check_amqp_url)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_SEC)]
SecondsOrZero = Annotated[float, Field(ge=0, le=LONGEST_SEC)]


class Section(BaseModel):
    """A section of the configuration; unknown keys are refused.

    Each secret of a section can be in a file, which ``<key>_file`` names.
    """

    model_config = ConfigDict(allow_inf_nan=False, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: Any) -> Any:
        return with_secrets_of_files(cls, given) if isinstance(given, Mapping) else given
