"""The page at ``/`` and its files. They hold no data, so they need no key."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from secretary_api.dashboard.assets import Assets
from secretary_common.errors import NotFound

YEAR_SEC = 365 * 86_400

ASSETS = Assets()
_SAFE = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = {
    **_SAFE,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": ASSETS.policy(),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_dashboard() -> HTMLResponse:
    """Show the dashboard."""
    return HTMLResponse(ASSETS.page(), headers=_PAGE_HEADERS)


@router.get("/dashboard/{version}/{name:path}")
async def get_asset(version: str, name: str, request: Request) -> Response:
    """Return a file of the dashboard; browsers keep it, because its path names its version.

    A page that an earlier version served gets the file of this version, which the browser does not
    keep.
    """
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFound(f"there is no file {name[:100]}")
    kept = f"public, max-age={YEAR_SEC}, immutable" if version == ASSETS.version else "no-store"
    headers = {**_SAFE, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.gzipped, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
