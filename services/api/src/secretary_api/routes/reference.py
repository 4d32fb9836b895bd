"""``/docs``: the description of every endpoint, for people. It loads nothing from other servers.

The page is RapiDoc 9.3.8, as its npm package ``rapidoc`` has it, in ``static/rapidoc`` with its
licences and checksums. Swagger UI's and Redoc's released files have more than 1 MB.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

PATH = "/docs"
FILES = Path(__file__).parents[1] / "static" / "rapidoc"
SCRIPT = "rapidoc-min.js"
DAY_SEC = 86_400

# The page's script writes its styles into the page. Everything else comes from this server.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Secretary: the API</title>
<link rel="icon" href="data:,">
<script src="{PATH}/{SCRIPT}" defer></script>
</head>
<body>
<rapi-doc spec-url="/openapi.json" render-style="read" load-fonts="false"
  regular-font="system-ui, sans-serif" mono-font="monospace" show-header="false"
  allow-server-selection="false" persist-auth="false" schema-style="table">
<noscript>This page needs JavaScript; <a href="/openapi.json">/openapi.json</a> does not.</noscript>
</rapi-doc>
</body>
</html>
"""

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def reference() -> HTMLResponse:
    """Show every endpoint."""
    return HTMLResponse(_PAGE, headers=_SAFE)


@router.get(f"{PATH}/{SCRIPT}")
async def script() -> FileResponse:
    """Return the script of the page."""
    return FileResponse(
        FILES / SCRIPT,
        media_type="text/javascript",
        headers={**_SAFE, "Cache-Control": f"public, max-age={DAY_SEC}"},
    )
