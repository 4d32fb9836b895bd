"""What the worker gives to a handler package when it sets the package up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from secretary_common.errors import ConfigurationError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import TemplateInfo
from secretary_common.ports import CacheRepository
from secretary_common.settings.settings import Settings
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.cache import Cache
from secretary_worker.access.upload import Uploads
from secretary_worker.sandbox.zygote_client import ZygoteClient

Section = TypeVar("Section", bound=BaseModel)
ListTemplates = Callable[[], list[TemplateInfo]]


class HandlerContext:
    """The worker's services for the handlers of this process. One context serves all packages.

    A package takes what it needs in its ``setup(context)`` function, before any job runs, and
    passes it to its handlers. See docs/handlers.md.
    """

    def __init__(
        self, settings: Settings, *, cache: CacheRepository, uploads: Uploads, bridge: Bridge
    ) -> None:
        """*bridge* leads from the handlers' loops to the loop that owns the *cache*."""
        self._settings = settings
        self._cache = cache
        self._bridge = bridge
        self._zygotes: list[tuple[ZygoteClient, frozenset[str] | None]] = []
        self._templates: list[ListTemplates] = []
        self._sections: set[str] = set()
        self.uploads = uploads
        """Opens uploads for a job's owner."""
        self.url_guard = UrlGuard(settings.security.allow_networks)
        """Refuses addresses that no job may reach."""

    @property
    def file_roots(self) -> Sequence[Path]:
        """The folders whose files jobs may name (``files.roots``)."""
        return self._settings.files.roots

    @property
    def max_file_bytes(self) -> int:
        """The largest file that a job may read or leave, in bytes (``files.max_upload_mb``)."""
        return int(self._settings.files.max_upload_mb * 2**20)

    def section(self, name: str, model: type[Section]) -> Section:
        """Return the package's own settings: the section ``handlers.<name>``, checked by *model*.

        A section that Secretary itself defines, such as ``llm``, is returned as it is.

        Raises:
            ConfigurationError: a key is missing, unknown or bad; the message names it.
        """
        built_in = getattr(self._settings, name, None)
        if isinstance(built_in, model):
            return built_in
        self._sections.add(name)
        try:
            return model.model_validate(self._settings.handlers.get(name, {}))
        except ValidationError as error:
            problems = [_describe(name, fault) for fault in error.errors(include_input=False)]
            raise ConfigurationError("; ".join(problems)) from None

    @property
    def unread_sections(self) -> list[str]:
        """The sections under ``handlers`` that no package has asked for."""
        return sorted(set(self._settings.handlers) - self._sections)

    def cache(self, name: str) -> Cache:
        """Return a cache in MongoDB, shared by all workers; *name* stands in logs and metrics."""
        return Cache(name, self._cache, self._bridge)

    def http_client(self) -> httpx.AsyncClient:
        """Return a new client that connects only to addresses that the URL guard allows."""
        return guarded_client(self.url_guard)

    def zygote(self, module: str, job_types: Collection[str] | None = None) -> ZygoteClient:
        """Return a starter of child processes that have *module* imported already.

        Args:
            module: an installed module with a ``begin`` function (``sandbox.limits.Begin``).
            job_types: start it with the worker if the worker runs one of these types; by default
                it starts with the first child.
        """
        client = ZygoteClient(module)
        self._zygotes.append((client, None if job_types is None else frozenset(job_types)))
        return client

    def announce_templates(self, list_templates: ListTemplates) -> None:
        """Show what *list_templates* returns under ``GET /api/templates``.

        The worker calls it once, in a thread, before it takes jobs.
        """
        self._templates.append(list_templates)

    def start_zygotes(self, job_types: Collection[str]) -> None:
        """Start the zygotes that *job_types* need. Call it from the main thread.

        The kernel ends a zygote together with the thread that started it.
        """
        for client, needed_by in self._zygotes:
            if needed_by and not needed_by.isdisjoint(job_types):
                client.start()

    def templates(self) -> list[TemplateInfo]:
        """List the templates of all packages. It may read files: call it in a thread."""
        return [template for listing in self._templates for template in listing()]

    def close(self) -> None:
        """End the zygotes and their children."""
        for client, _ in self._zygotes:
            client.close()


def _describe(name: str, fault: Any) -> str:
    key = ".".join(["handlers", name, *map(str, fault["loc"])])
    message = "no such key" if fault["type"] == "extra_forbidden" else fault["msg"]
    return f"{key}: {message}"
