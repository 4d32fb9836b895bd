"""The name of a downloaded file, as its server gives it."""

from ipaddress import ip_network

import pytest
from support.raw_server import raw_server

from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_documents.web.download import Downloader

LOOPBACK = ip_network("127.0.0.0/8")
NAMES = {
    "": "of the URL.pdf",
    "inline": "of the URL.pdf",
    'attachment; filename="a report.pdf"': "a report.pdf",
    'attachment; filename="a; b.pdf"; size=3': "a; b.pdf",
    "attachment; filename=plain.pdf; size=3": "plain.pdf",
    "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.md": "Grüße.md",
    "attachment; filename=\"Gruesse.md\"; filename*=utf-8'de'Gr%C3%BC%C3%9Fe.md": "Grüße.md",
    "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd": "passwd",
}


@pytest.mark.parametrize("disposition", NAMES)
async def test_a_file_has_the_name_that_its_server_gives_it(disposition: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Disposition: {disposition}\r\n\r\n"
    downloader = Downloader(lambda: guarded_client(UrlGuard([LOOPBACK])), max_bytes=1000)
    async with raw_server(lambda _: f"{head}file".encode()) as server:
        url = server.url("/folder/of%20the%20URL.pdf?id=1")
        async with downloader.fetch(url, accept="*/*") as download:
            assert download.name == NAMES[disposition]
