"""The services that the worker offers to a handler package in its ``setup`` function."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from secretary_common.errors import ConfigurationError
from secretary_common.http.egress import guarded_client
from secretary_common.http.guard_proxy import GuardProxy
from secretary_common.http.tls import client_tls
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import JsonObject, TemplateInfo
from secretary_common.ports import CacheRepository
from secretary_common.s3.buckets import Buckets
from secretary_common.settings.secret_file import with_secrets_of_files
from secretary_common.settings.settings import Settings
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.cache import Cache
from secretary_worker.access.objects import ANY_NETWORK, Objects, store_clients
from secretary_worker.access.upload import Uploads
from secretary_worker.sandbox.zygote_client import ZygoteClient

Section = TypeVar("Section", bound=BaseModel)
ListTemplates = Callable[[], list[TemplateInfo]]


@dataclass(slots=True)
class SetupRequests:
    """The requests of the ``setup`` functions. The worker carries them out after all setups."""

    zygotes: list[tuple[ZygoteClient, frozenset[str]]] = field(default_factory=list)
    """The zygotes. Each comes with the job types for which it starts with the worker."""
    templates: list[ListTemplates] = field(default_factory=list)
    sections: set[str] = field(default_factory=set)
    """The names of the settings sections that packages have read."""


class HandlerContext:
    """The worker's services for handlers. One context serves all packages of the process.

    A package takes services in its ``setup(context)`` function, before any job runs, and passes
    them to its handlers. See docs/handlers.md.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cache: CacheRepository,
        uploads: Uploads,
        bridge: Bridge,
        requests: SetupRequests,
    ) -> None:
        """*bridge* takes calls from the handlers' loops to the loop that owns the *cache*."""
        self._settings = settings
        self._cache = cache
        self._bridge = bridge
        self._requests = requests
        self.uploads = uploads
        """Opens uploads for any owner; ``repo.open_upload`` opens those of one job's owner."""
        self.url_guard = settings.security.url_guard()
        """Refuses addresses that jobs must not reach."""
        self._proxy = settings.security.proxy()
        self._anywhere = UrlGuard(ANY_NETWORK, allow_hosts=settings.security.allow_hosts)

    @property
    def file_roots(self) -> Sequence[Path]:
        """The folders whose files jobs may name (``files.roots``)."""
        return self._settings.files.roots

    @property
    def max_file_bytes(self) -> int:
        """The largest file that a job may read or store, in bytes (``files.max_upload_mb``)."""
        return int(self._settings.files.max_upload_mb * 2**20)

    def section(self, name: str, model: type[Section]) -> Section:
        """Return the settings of a package: the section ``handlers.<name>``, checked by *model*.

        An unknown key is an error, unless *model* sets ``extra`` itself. A ``SecretStr`` can be in
        a file, which the key with ``_file`` names. Secretary's own sections
        can be read in the same way: ``section("llm", LlmSection)`` returns the section ``llm``.

        Raises:
            ConfigurationError: a key is missing, unknown or bad; the message names each.
        """
        built_in = getattr(self._settings, name, None)
        if isinstance(built_in, model):
            return built_in
        self._requests.sections.add(name)
        given = self._settings.handlers.get(name, {})
        try:
            values = with_secrets_of_files(model, given)
        except ValueError as error:
            raise ConfigurationError(f"handlers.{name}: {error}") from None
        try:
            return _validated(model, values)
        except ValidationError as error:
            problems = [_describe(name, fault) for fault in error.errors(include_input=False)]
            raise ConfigurationError("; ".join(problems)) from None

    def cache(self, name: str) -> Cache:
        """Return a cache in MongoDB for all workers; *name* appears in logs and metrics.

        All caches share their keys. So a key must contain everything on which its value depends:
        the package, its version and the input. Each API key has entries of its own, unless
        ``cache.shared`` is set.
        """
        return Cache(name, self._cache, self._bridge, shared=self._settings.cache.shared)

    def http_client(self) -> httpx.AsyncClient:
        """Return a new client that connects only to addresses that the URL guard allows.

        Use a client in one handler call only: ``async with context.http_client() as client``.
        """
        return guarded_client(self.url_guard, tls=self._tls, proxy=self._proxy)

    def operator_client(self, timeout_sec: float = 30.0) -> httpx.AsyncClient:
        """Return a new client that connects to any address, e.g. to a model on this machine.

        Use such a client for URLs that the operator configured, never for URLs of clients.
        *timeout_sec* limits each single connect, read and write.
        """
        return guarded_client(
            self._anywhere, timeout_sec=timeout_sec, tls=self._tls, proxy=self._proxy
        )

    @cached_property
    def objects(self) -> Objects:
        """Reads objects of stores (``s3://bucket/key``) that jobs name."""
        return Objects(Buckets(self._settings.s3), store_clients(self._settings.security))

    def guard_proxy(self) -> GuardProxy:
        """Return a proxy on this machine, for programs that make connections themselves.

        The proxy connects only to addresses that the URL guard allows. Give a program its URL and
        lock the program with ``ProgramAccess(proxy_port=…)``, so that it has no other network.
        """
        return GuardProxy(self.url_guard, self._proxy)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return client_tls(self._settings.security.ca_file)

    def zygote(self, module: str, job_types: Collection[str] = ()) -> ZygoteClient:
        """Return a client that starts child processes in which *module* is imported already.

        Args:
            module: the name of a module with a function ``begin`` (``secretary_worker.Begin``).
            job_types: if the worker runs one of these types, the zygote starts with the worker.
                Otherwise the zygote starts with its first child.
        """
        client = ZygoteClient(module)
        self._requests.zygotes.append((client, frozenset(job_types)))
        return client

    def announce_templates(self, list_templates: ListTemplates) -> None:
        """Show the templates that *list_templates* returns to clients (``GET /api/templates``).

        The worker calls *list_templates* once, in a thread, before it claims jobs.
        """
        self._requests.templates.append(list_templates)


def _validated(model: type[Section], values: JsonObject) -> Section:
    extra: Literal["forbid"] | None = None if "extra" in model.model_config else "forbid"
    try:
        return model.model_validate(values, extra=extra)
    except ValidationError as error:
        decoded = _decoded(values, error)
        if not decoded:
            raise
    return model.model_validate({**values, **decoded}, extra=extra)


def _decoded(values: JsonObject, error: ValidationError) -> JsonObject:
    """Return the decoded values that are JSON text although the model needs another type.

    An environment variable can hold a list or a map only as JSON text.
    """
    decoded = {}
    for fault in error.errors():
        key = str(next(iter(fault["loc"]), ""))
        given = values.get(key)
        if isinstance(given, str) and fault["type"].endswith("_type"):
            with suppress(ValueError):
                decoded[key] = json.loads(given)
    return decoded


def _describe(name: str, fault: Any) -> str:
    key = ".".join(["handlers", name, *map(str, fault["loc"])])
    message = "no such key" if fault["type"] == "extra_forbidden" else fault["msg"]
    return f"{key}: {message}"
