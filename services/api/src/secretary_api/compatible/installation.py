"""Adds the routes to the application, and names the paths whose bodies are files."""

from __future__ import annotations

from fastapi import FastAPI

from secretary_api.compatible import docling_routes, open_webui_routes
from secretary_api.compatible.conversions import Conversions
from secretary_api.services import Services
from secretary_common.settings.service import CompatibleSection

UPLOADING = (*docling_routes.UPLOADING, open_webui_routes.PATH)
"""The paths whose bodies may be as large as an upload."""


def install(app: FastAPI, services: Services, section: CompatibleSection) -> None:
    """Add the routes to *app*, unless they are switched off."""
    if section.active:
        app.state.conversions = Conversions(services, section.max_wait_sec)
        app.router.routes.extend([*docling_routes.router.routes, *open_webui_routes.router.routes])
