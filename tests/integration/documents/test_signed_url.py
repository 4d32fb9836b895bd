"""A file server that signs its URLs, by HMAC over the raw request target, serves every fetch."""

from ipaddress import ip_network

import pytest
from support.raw_server import RawRequest, raw_server
from support.signed_url import TARGETS, checking, signed

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_documents.web.download import Downloader

FILE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nfile"


LOOPBACK = ip_network("127.0.0.0/8")


async def fetched(url: str) -> tuple[bytes, str]:
    downloader = Downloader(lambda: guarded_client(UrlGuard([LOOPBACK])), max_bytes=1000)
    async with downloader.fetch(url, accept="*/*") as download:
        download.file.seek(0)
        return download.file.read(), download.url


@pytest.mark.parametrize("target", TARGETS)
async def test_a_fetch_sends_its_url_byte_for_byte(target: str) -> None:
    async with raw_server(checking(FILE)) as server:
        url = server.url(signed(target))
        assert await fetched(url) == (b"file", url)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", ["URL", "path"])
async def test_a_redirect_is_followed_byte_for_byte(target: str, form: str) -> None:
    async with raw_server(checking(FILE)) as files:
        where = files.url(signed(target)) if form == "URL" else signed(target)
        moved = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()

        def reply(request: RawRequest) -> bytes:
            return moved if request.target == "/moved" else checking(FILE)(request)

        async with raw_server(reply) as front:
            content, url = await fetched(front.url("/moved"))
    assert (content, url.endswith(signed(target))) == (b"file", True)


async def test_long_and_many_headers_are_read() -> None:
    many = b"".join(b"X-%d: x\r\n" % number for number in range(900))
    answer = FILE.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"x" * 60_000 + b"\r\n" + many + b"\r\n")
    async with raw_server(answer) as server:
        assert (await fetched(server.url("/")))[0] == b"file"


async def test_a_redirect_to_a_denied_address_is_refused_and_named() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: //10.1.2.3/x\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(moved) as server:
        with pytest.raises(PermanentError, match=r"10\.1\.2\.3.*allow_networks") as refused:
            await fetched(server.url("/"))
    assert refused.value.code == ErrorCode.URL_REFUSED


@pytest.mark.parametrize("host", ["xn--a", "xn--zzzzzzz99999.example"])
async def test_a_redirect_to_an_impossible_host_is_refused(host: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: http://{host}/x\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(moved.encode()) as server:
        with pytest.raises(PermanentError) as refused:
            await fetched(server.url("/"))
    assert refused.value.code == ErrorCode.URL_REFUSED
