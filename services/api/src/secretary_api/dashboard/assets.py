"""The files of the dashboard, read once when the process starts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""The kinds of files that browsers get; every other file stays on the server."""
MODULES: Mapping[str, str] = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
    "@preact/signals": "vendor/signals/signals.mjs",
    "htm": "vendor/htm/htm.mjs",
    "uplot": "vendor/uplot/uPlot.esm.js",
}
"""The files behind the bare names that modules import."""
_FIRST_LOADED = re.compile(r"(app\.js|(lib|components)/.*|vendor/(?!uplot).*\.mjs)")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the dashboard."""

    media_type: str
    content: bytes
    gzipped: bytes


class Assets:
    """Every file of the dashboard, and the page that loads them."""

    def __init__(self, folder: Path = STATIC) -> None:
        names = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.suffix in MEDIA_TYPES
        )
        self._files = {name: _read(folder / name) for name in names}
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(f"{name}:{len(asset.content)}:".encode() + asset.content)
        self.version = digest.hexdigest()[:12]
        """Changes when any file changes; it is part of the files' paths."""
        self._import_map = json.dumps(
            {"imports": {name: self.path_of(file) for name, file in MODULES.items()}}
        )

    def path_of(self, name: str) -> str:
        """Return the path of a file on the server."""
        return f"/dashboard/{self.version}/{name}"

    def get(self, name: str) -> Asset | None:
        """Return a file; None if there is no such file."""
        return self._files.get(name)

    def page(self) -> str:
        """Return the page, whose only inline text is the import map."""
        styles = "".join(
            f'<link rel="stylesheet" href="{self.path_of(name)}">\n'
            for name in self._files
            if name.endswith(".css")
        )
        modules = "".join(
            f'<link rel="modulepreload" href="{self.path_of(name)}">\n'
            for name in self._files
            if _FIRST_LOADED.fullmatch(name)
        )
        return _PAGE.format(
            import_map=self._import_map,
            icon=html.escape(self.path_of("icon.svg")),
            theme=self.path_of("theme.js"),
            app=self.path_of("app.js"),
            styles=styles,
            modules=modules,
        )

    def policy(self) -> str:
        """Return the page's Content-Security-Policy: nothing inline but the import map."""
        digest = base64.b64encode(hashlib.sha256(self._import_map.encode()).digest()).decode()
        return (
            "default-src 'none'; "
            f"script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self' data: blob:; "
            "connect-src 'self'; font-src 'none'; object-src 'none'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        )


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(MEDIA_TYPES[path.suffix], content, gzip.compress(content, mtime=0))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Secretary</title>
<link rel="icon" href="{icon}">
<script type="importmap">{import_map}</script>
<script src="{theme}"></script>
{styles}{modules}<script type="module" src="{app}"></script>
</head>
<body>
<div id="app"></div>
<div id="toasts" aria-live="polite"></div>
<noscript>The dashboard needs JavaScript. The API at /docs does not need it.</noscript>
</body>
</html>
"""
