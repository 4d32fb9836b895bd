"""Providers of OCR, language models and transcription: URLs, keys, limits, prices.

A provider is configured when it has a key and a model. The operator's own server (another
``base_url``: Ollama, vLLM) needs no key. All prices are in one currency of the operator's choice;
0 means unknown, and then no cost is reported.
"""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from secretary_common.settings.section import HttpUrl, Seconds, SecondsOrZero, Section

MISTRAL_URL = "https://api.mistral.ai/v1"
OPENAI_URL = "https://api.openai.com/v1"
# Mistral accepts no more in one document, according to two integrators' documentation.
MISTRAL_MAX_PAGES = 1000
MISTRAL_MAX_MB = 50


def _check_base_url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname:
        raise ValueError("a URL with a host is needed")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("a base URL has no user, query or fragment; keys belong into api_key")
    return value


def _check_api_key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if not all("!" <= character <= "~" for character in key):
        raise ValueError("a key has visible ASCII characters only, no white space")
    return value


BaseUrl = Annotated[HttpUrl, AfterValidator(_check_base_url)]
ApiKey = Annotated[SecretStr, AfterValidator(_check_api_key)]
Price = Annotated[float, Field(ge=0)]


class ProviderSection(Section):
    """The settings that all providers have."""

    NAME: ClassVar[str]
    """The section's name in the configuration."""

    base_url: BaseUrl = OPENAI_URL
    api_key: ApiKey = SecretStr("")
    model: str = ""
    timeout_sec: Seconds = 300.0
    """The deadline of one request, from the connection to the end of the response."""
    retry_sec: SecondsOrZero = 60.0
    """A failed request is repeated for this long; then the job waits for its next attempt."""
    parallel: int = Field(default=4, ge=1, le=100)
    """The most requests in flight, for each worker."""

    def missing(self, *, model: str | None = None) -> tuple[str, ...]:
        """Return the full names of the settings that this provider still needs.

        Args:
            model: the model that a job requests in place of the configured one.
        """
        is_own_server = self.base_url != type(self).model_fields["base_url"].default
        unset = {
            "api_key": not self.api_key.get_secret_value() and not is_own_server,
            "model": not (model or self.model),
        }
        return tuple(f"{self.NAME}.{key}" for key, is_missing in unset.items() if is_missing)


class TokenPrices(Section):
    """Prices per token."""

    prompt_price_per_million: Price = 0.0
    completion_price_per_million: Price = 0.0

    def cost(self, *, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of these tokens."""
        return (
            prompt_tokens * self.prompt_price_per_million
            + completion_tokens * self.completion_price_per_million
        ) / 1_000_000


class MistralSection(ProviderSection):
    """Mistral's OCR, for ``extraction_method: mistral_ocr``."""

    NAME: ClassVar[str] = "mistral"

    base_url: BaseUrl = MISTRAL_URL
    # A dated model: pages are cached under this name, and its price is known.
    model: str = "mistral-ocr-2512"
    parallel: int = Field(default=2, ge=1, le=100)
    pages_per_request: int = Field(default=20, ge=1, le=MISTRAL_MAX_PAGES)
    max_request_mb: float = Field(default=MISTRAL_MAX_MB, gt=0, le=MISTRAL_MAX_MB)
    price_per_page: Price = 0.0


class VisionSection(ProviderSection, TokenPrices):
    """A vision model, for ``extraction_method: openai_vision``; one request per page."""

    NAME: ClassVar[str] = "vision"

    timeout_sec: Seconds = 180.0
    dpi: int = Field(default=200, ge=36, le=600)
    max_side: int = Field(default=2048, ge=256, le=8192)
    """The longest side of a page's image, in pixels."""
    jpeg_quality: int = Field(default=85, ge=1, le=95)


class LlmSection(ProviderSection, TokenPrices):
    """A language model with OpenAI's Chat Completions API, for templates and translations."""

    NAME: ClassVar[str] = "llm"

    models: list[str] | None = None
    """The models that jobs may name in place of ``model``; None: any."""


class TranscriptionSection(ProviderSection):
    """A transcription model with OpenAI's ``/audio/transcriptions`` API."""

    NAME: ClassVar[str] = "transcription"

    model: str = "gpt-transcribe"
    timeout_sec: Seconds = 600.0
    parallel: int = Field(default=2, ge=1, le=100)
    max_piece_mb: float = Field(default=25, gt=0)
    """The most audio in one request."""
    price_per_minute: Price = 0.0
