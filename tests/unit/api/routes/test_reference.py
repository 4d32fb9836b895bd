"""``/docs`` works without the internet, and its files are the released ones."""

from __future__ import annotations

import hashlib
import re

from support.api_harness import Api

from secretary_api.routes.reference import FILES

MEGABYTE = 1_000_000


async def test_the_page_loads_only_from_this_server(api: Api) -> None:
    page = await api.get("/docs", key=None)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text
    loaded = re.findall(r'(?:src|spec-url)="([^"]+)"', page.text)
    assert loaded == ["/docs/rapidoc-min.js", "/openapi.json"]
    assert 'load-fonts="false"' in page.text
    for path in loaded:
        assert (await api.get(path, key=None)).status_code == 200


async def test_the_page_and_its_script_are_confined(api: Api) -> None:
    for path in ("/docs", "/docs/", "/docs/rapidoc-min.js"):
        headers = (await api.get(path, key=None)).headers
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


async def test_the_script_is_sent_as_it_was_released(api: Api) -> None:
    answer = await api.get("/docs/rapidoc-min.js", key=None)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content == (FILES / "rapidoc-min.js").read_bytes()


def test_the_files_are_the_listed_ones_and_small() -> None:
    lines = (FILES / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    present = {path.name: path.read_bytes() for path in FILES.iterdir()}
    del present["SHA256SUMS"]
    assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in present.items()}
    assert all(len(data) < MEGABYTE for data in present.values())
    assert {"LICENSE.txt", "rapidoc-min.js.LICENSE.txt"} < present.keys()
