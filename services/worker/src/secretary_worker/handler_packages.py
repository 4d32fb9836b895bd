"""Finds handler packages and sets each of them up.

A package is found in one of two ways. An installed package names its ``setup`` function under the
entry point ``secretary.handlers``. Any importable module can be named in
``worker.handler_modules``; a function ``setup`` in it is optional.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

from secretary_common.errors import ConfigurationError
from secretary_common.runtime.log import get_logger
from secretary_worker.access.context import HandlerContext
from secretary_worker.registry import REGISTRY, Registry

log = get_logger(__name__)

ENTRY_POINTS = "secretary.handlers"
SETUP = "setup"

Setup = Callable[[HandlerContext], None]


def load_handlers(context: HandlerContext, *, modules: list[str], job_types: list[str]) -> Registry:
    """Set up all handler packages; return the handlers of *job_types*, or all if it is empty.

    Installed packages come first, by name; *modules* follow in their order. The last registration
    of a job type counts.

    Raises:
        ConfigurationError: a module cannot be imported, or a setting of a package is bad.
    """
    for setup in _installed():
        setup(context)
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise ConfigurationError(f"worker.handler_modules: {error}") from error
        setup_module: Setup | None = getattr(module, SETUP, None)
        if setup_module is not None:
            setup_module(context)
    for name in context.unread_sections:
        log.warning("settings.section_unread", section=f"handlers.{name}")
    return REGISTRY.only(job_types)


def _installed() -> Iterator[Setup]:
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            setup: Setup = point.load()
        except ImportError as error:
            raise ConfigurationError(f"the handler package {point.name!r}: {error}") from error
        yield setup
