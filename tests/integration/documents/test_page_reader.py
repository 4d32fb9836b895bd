"""Web pages, from a local server into a child process."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from support import page_samples
from support.origin import serving

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.web.download import Downloader
from secretary_documents.web.page import WebPage
from secretary_documents.web.page_reader import LIMITS, SandboxedPageReader
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_worker.sandbox.zygote_client import ZygoteClient

MAX_BYTES = 2**20
Read = Callable[..., Awaitable[WebPage]]

routes = web.RouteTableDef()


@routes.get("/talk")
async def talk(request: web.Request) -> web.Response:
    return web.Response(text=page_samples.FOSDEM, content_type="text/html")


@routes.get("/moved")
async def moved(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/talk"})


@routes.get("/latin")
async def latin(request: web.Request) -> web.Response:
    return web.Response(
        body="<p>Käse".encode("latin-1"), headers={"Content-Type": "text/html; charset=latin1"}
    )


@routes.get("/inside")
async def inside(request: web.Request) -> web.Response:
    address = "http://169.254.169.254/latest/meta-data"
    return web.Response(status=302, headers={"Location": address})


@routes.get("/gigabyte")
async def gigabyte(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Type": "text/html", "Content-Length": str(2**30)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response


@routes.get("/endless")
async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    while True:
        await response.write(b"<p>more" * 10_000)


@routes.get("/deep")
async def deep(request: web.Request) -> web.Response:
    return web.Response(text="<div>" * 200_000, content_type="text/html")


@routes.get("/pdf")
async def pdf(request: web.Request) -> web.Response:
    return web.Response(body=b"%PDF-1.7", content_type="application/pdf")


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async with serving(routes) as origin:
        yield origin


@pytest.fixture
def read(
    origin: str, page_zygote: ZygoteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Read]:
    async def read(path: str, limits: ProcessLimits = LIMITS) -> WebPage:
        guard = UrlGuard([ip_network("127.0.0.0/8")])
        reader = SandboxedPageReader(
            Downloader(
                lambda: guarded_client(guard),
                max_bytes=MAX_BYTES,
                too_large=ErrorCode.FILE_TOO_LARGE,
            ),
            zygote=page_zygote,
            limits=limits,
        )
        return await reader.read(f"{origin}{path}", ResourceCalculator())

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield read
    assert list(tmp_path.iterdir()) == [], "a temporary file was left"


async def test_a_page_is_read_after_its_redirects(read: Read, origin: str) -> None:
    page = await read("/moved")
    assert page.url == f"{origin}/talk"
    assert page.title == "Leases that end"
    assert page.metadata.speakers == ("Käthe Müller", "Jo O'Neil")


async def test_the_encoding_of_the_content_type_is_used(read: Read) -> None:
    assert (await read("/latin")).text == "Käse"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/inside", ErrorCode.URL_REFUSED),
        ("/gigabyte", ErrorCode.FILE_TOO_LARGE),
        ("/endless", ErrorCode.FILE_TOO_LARGE),
        ("/nowhere", ErrorCode.FETCH_FAILED),
        ("/pdf", ErrorCode.PAGE_INVALID),
    ],
)
async def test_a_page_that_cannot_be_read_fails_with_its_code(
    read: Read, path: str, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as caught:
        await read(path)
    assert caught.value.code == code


async def test_a_page_that_takes_too_long_ends_at_its_limit(read: Read) -> None:
    with pytest.raises(PermanentError) as caught:
        await read("/deep", ProcessLimits(memory_bytes=2**30, cpu_sec=1))
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT
