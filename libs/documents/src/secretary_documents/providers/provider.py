"""A provider with its configuration, and the base class of clients of providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.provider import ProviderSection
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.providers.connection import (
    HttpClient,
    OpenClient,
    ProviderConnection,
    Timing,
)

MAX_RESPONSE_BYTES = 32 * 2**20
# Only the operator sets the address of a provider. A provider may be an Ollama on this machine.
ANYWHERE = UrlGuard([ip_network("0.0.0.0/0"), ip_network("::/0")])


def open_client(timeout_sec: float) -> HttpClient:
    """Open a client without settings of the operator: no private authorities, no proxy."""
    return guarded_client(ANYWHERE, timeout_sec=timeout_sec)


class Provider:
    """A provider with its configuration. Jobs, threads and event loops may share one instance."""

    def __init__(
        self,
        section: ProviderSection,
        *,
        open_client: OpenClient = open_client,
        timing: Timing | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.section = section
        self._open_client = open_client
        self._timing = timing or Timing()
        self._max_response_bytes = max_response_bytes
        # Limits the requests of all jobs in one event loop.
        self._limit = ConcurrencyLimit(section.parallel)

    @property
    def name(self) -> str:
        """The name of the provider's section in the configuration."""
        return self.section.NAME

    def check_configured(self, *, model: str | None = None) -> None:
        """Check that the provider is configured. The error names the missing settings.

        Args:
            model: the model that a job names in place of the configured model.

        Raises:
            PermanentError: <NAME>_NOT_CONFIGURED.
        """
        missing = self.section.missing(model=model)
        if missing:
            code = ErrorCode[f"{self.name.upper()}_NOT_CONFIGURED"]
            variables = ", ".join(
                f"SECRETARY_{name.upper().replace('.', '__')}" for name in missing
            )
            message = f"{self.name} is not configured: set {' and '.join(missing)} ({variables})"
            raise PermanentError(message, code=code, details={"settings": list(missing)})

    @asynccontextmanager
    async def connected(self, resources: ResourceCalculator) -> AsyncIterator[ProviderConnection]:
        """Open a connection for the requests of one job; *resources* counts them."""
        async with self._open_client(self.section.timeout_sec) as client:
            yield ProviderConnection(
                self.section,
                client,
                resources,
                limit=self._limit,
                timing=self._timing,
                max_response_bytes=self._max_response_bytes,
            )


class ProviderClient:
    """The base class of clients of one provider."""

    provider: Provider

    def check_configured(self) -> None:
        """Check that the provider is configured.

        Raises:
            PermanentError: <NAME>_NOT_CONFIGURED, with the missing settings.
        """
        self.provider.check_configured()
