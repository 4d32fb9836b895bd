"""Finds handler packages and sets each of them up.

The worker finds a package in one of two ways. An installed package names its ``setup`` function
under the entry point ``secretary.handlers``. An importable module is named in the setting
``worker.handler_modules``; it may have a function ``setup``.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib.metadata import entry_points

from secretary_common.errors import ConfigurationError
from secretary_common.models import TemplateInfo
from secretary_common.ports import CacheRepository
from secretary_common.runtime.log import get_logger
from secretary_common.settings.settings import Settings
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.context import HandlerContext, SetupRequests
from secretary_worker.access.upload import Uploads
from secretary_worker.registry import REGISTRY, Registry

log = get_logger(__name__)

ENTRY_POINTS = "secretary.handlers"
SETUP = "setup"

Setup = Callable[[HandlerContext], None]


class HandlerPackages:
    """The handler packages of this process. Call ``close`` when the worker ends."""

    def __init__(
        self, settings: Settings, *, cache: CacheRepository, uploads: Uploads, bridge: Bridge
    ) -> None:
        """Packages may use all arguments through their ``HandlerContext``."""
        self._settings = settings
        self._requests = SetupRequests()
        self._context = HandlerContext(
            settings, cache=cache, uploads=uploads, bridge=bridge, requests=self._requests
        )

    def set_up(self, modules: Sequence[str]) -> Registry:
        """Set up all packages; return the registry with their handlers.

        Installed packages come first, ordered by the names of their entry points; *modules* follow
        in their order. If two packages register the same job type, the later registration counts.

        Raises:
            ConfigurationError: a package cannot be imported, its ``setup`` raises, or one of its
                settings is bad.
        """
        # Lazily: a module may register handlers when it is imported, and must replace earlier ones.
        for name, setup in itertools.chain(_installed(), _named(modules)):
            with _blaming(name, settings_name_themselves=True):
                setup(self._context)
        for name in sorted(set(self._settings.handlers) - self._requests.sections):
            log.warning("settings.section_unread", section=f"handlers.{name}")
        return REGISTRY

    def start_zygotes(self, job_types: Collection[str]) -> None:
        """Start the zygotes that *job_types* need."""
        for client, needed_by in self._requests.zygotes:
            if not needed_by.isdisjoint(job_types):
                client.start()

    def templates(self) -> list[TemplateInfo]:
        """Return the templates of all packages. This may read files, so call it in a thread."""
        return [template for listing in self._requests.templates for template in listing()]

    def close(self) -> None:
        """End the zygotes and their children."""
        for client, _ in self._requests.zygotes:
            client.close()


def _installed() -> Iterator[tuple[str, Setup]]:
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        name = f"the handler package {point.name!r}"
        with _blaming(name):
            setup: Setup = point.load()
        yield name, setup


def _named(modules: Sequence[str]) -> Iterator[tuple[str, Setup]]:
    for module_name in modules:
        name = f"worker.handler_modules: {module_name}"
        with _blaming(name):
            module = importlib.import_module(module_name)
        setup: Setup | None = getattr(module, SETUP, None)
        if setup is not None:
            yield name, setup


@contextlib.contextmanager
def _blaming(package: str, *, settings_name_themselves: bool = False) -> Iterator[None]:
    """Turn each error of the code inside into a ConfigurationError that names *package*.

    With *settings_name_themselves* a ConfigurationError passes unchanged, because it names the
    setting.
    """
    try:
        yield
    except ConfigurationError as error:
        if settings_name_themselves:  # e.g. "handlers.my_package.limit: …"
            raise
        raise ConfigurationError(f"{package}: {error.message}") from error
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename}, line {last.lineno}"
        reason = f"{type(error).__name__}: {error} ({place})"
        raise ConfigurationError(f"{package}: {reason}") from error
