"""The pdf handler with URLs of a local server."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import pdf_samples
from support.handler_harness import Recorder, make_job
from support.origin import serving
from support.pdf_harness import MAX_BYTES, make_handler

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_worker.sandbox.zygote_client import ZygoteClient

PDF = pdf_samples.text_pdf(["Über das Netz"])
Fetch = Callable[..., Awaitable[Recorder]]

routes = web.RouteTableDef()


@routes.get("/good/{name}")
async def good(request: web.Request) -> web.Response:
    return web.Response(body=PDF, content_type="application/pdf")


@routes.get("/named")
async def named(request: web.Request) -> web.Response:
    disposition = 'attachment; filename="../../etc/Protokoll.pdf"'
    return web.Response(body=PDF, headers={"Content-Disposition": disposition})


@routes.get("/status/{code}")
async def status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]), headers={"Retry-After": "17"})


@routes.get("/large")
async def large(request: web.Request) -> web.Response:
    return web.Response(body=b"%PDF" + bytes(MAX_BYTES))


@routes.get("/endless")
async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(2**16))


@routes.get("/drip")
async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"%")
        await asyncio.sleep(0.02)


@routes.get("/cut")
async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"%PDF-1.7")
    if request.transport is not None:
        request.transport.close()
    return response


@routes.get("/as/{kind}/{of}")
async def typed(request: web.Request) -> web.Response:
    kind = "{kind}/{of}".format(**request.match_info)
    return web.Response(body=PDF, content_type=kind)


@routes.get("/short")
async def short(request: web.Request) -> web.StreamResponse:
    """Announce fewer bytes than are sent."""
    response = web.StreamResponse(headers={"Content-Length": "200"})
    await response.prepare(request)
    assert request.transport is not None
    request.transport.write(PDF)
    request.transport.close()
    return response


@routes.get("/long")
async def long(request: web.Request) -> web.StreamResponse:
    """Announce more bytes than allowed, and send few."""
    response = web.StreamResponse(headers={"Content-Length": str(MAX_BYTES + 1)})
    await response.prepare(request)
    await response.write(PDF)
    return response


@routes.get("/html")
async def html(request: web.Request) -> web.Response:
    return web.Response(text="<title>Log in</title>", content_type="application/pdf")


@routes.get("/packed")
async def packed(request: web.Request) -> web.Response:
    return web.Response(body=PDF, headers={"Content-Encoding": "gzip"})


@routes.get("/hops/{left}")
async def hops(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    where = f"/hops/{left - 1}" if left else "/named"
    return web.Response(status=302, headers={"Location": where})


@routes.get("/inside")
async def inside(request: web.Request) -> web.Response:
    address = "http://169.254.169.254/latest/meta-data"
    return web.Response(status=307, headers={"Location": address})


@routes.get("/script")
async def script(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "file:///etc/passwd"})


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async with serving(routes) as origin:
        yield origin


@pytest.fixture
def fetch(
    origin: str, zygote: ZygoteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fetch]:
    async def fetch(path: str, **wiring: Any) -> Recorder:
        recorder = Recorder()
        url = path if "://" in path else origin + path
        handler = make_handler(tmp_path, zygote, **wiring)
        await handler(make_job("pdf", url=url), recorder, ResourceCalculator())
        return recorder

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield fetch
    assert list(tmp_path.iterdir()) == [], "a temporary file was left"


def metadata(recorder: Recorder) -> dict[str, Any]:
    assert recorder.results is not None
    found: dict[str, Any] = recorder.results["metadata"]
    return found


async def test_a_pdf_is_downloaded_and_read(fetch: Fetch) -> None:
    done = await fetch("/good/Bericht%20eins.pdf")
    assert metadata(done)["file_name"] == "Bericht eins.pdf"
    assert metadata(done)["file_size"] == len(PDF)
    assert metadata(done)["text_contents"][0]["text"] == "Über das Netz"


@pytest.mark.parametrize("kind", ["text/html", "image/png", "application/octet-stream"])
async def test_the_content_type_of_the_server_does_not_matter(fetch: Fetch, kind: str) -> None:
    assert metadata(await fetch(f"/as/{kind}"))["page_count"] == 1


async def test_redirects_are_followed_and_the_servers_file_name_has_no_path(fetch: Fetch) -> None:
    assert metadata(await fetch("/hops/4"))["file_name"] == "Protokoll.pdf"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/status/404", ErrorCode.FETCH_FAILED),
        ("/status/401", ErrorCode.FETCH_FAILED),
        ("/status/204", ErrorCode.FETCH_FAILED),
        ("/packed", ErrorCode.FETCH_FAILED),
        ("/hops/5", ErrorCode.FETCH_FAILED),
        ("/large", ErrorCode.PDF_TOO_LARGE),
        ("/long", ErrorCode.PDF_TOO_LARGE),
        ("/endless", ErrorCode.PDF_TOO_LARGE),
        ("/html", ErrorCode.PDF_INVALID),
        ("/inside", ErrorCode.URL_REFUSED),
        ("/script", ErrorCode.URL_REFUSED),
        ("http://10.0.0.1/x.pdf", ErrorCode.URL_REFUSED),
        ("http://[::1]/x.pdf", ErrorCode.URL_REFUSED),
        ("http://exa mple/x.pdf", ErrorCode.URL_REFUSED),
        ("ftp://example.com/x.pdf", ErrorCode.URL_REFUSED),
    ],
)
async def test_an_error_that_no_retry_can_fix_is_permanent(
    fetch: Fetch, path: str, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as caught:
        await fetch(path)
    assert caught.value.code == code


async def test_a_private_address_is_refused_unless_it_is_allowed(fetch: Fetch) -> None:
    with pytest.raises(PermanentError) as caught:
        await fetch("/named", allow="192.0.2.0/24")
    assert caught.value.code == ErrorCode.URL_REFUSED


@pytest.mark.parametrize("code", [408, 429, 500, 503])
async def test_a_failing_server_is_asked_again_after_its_retry_after(
    fetch: Fetch, code: int
) -> None:
    with pytest.raises(TransientError, match=str(code)) as caught:
        await fetch(f"/status/{code}")
    assert caught.value.code == ErrorCode.FETCH_FAILED
    assert caught.value.retry_after == 17


@pytest.mark.parametrize(
    "path", ["/cut", "/short", "http://127.0.0.1:1/x.pdf", "http://no-such-host.invalid/x.pdf"]
)
async def test_a_failed_connection_is_retried(fetch: Fetch, path: str) -> None:
    with pytest.raises(TransientError) as caught:
        await fetch(path)
    assert caught.value.code == ErrorCode.FETCH_FAILED


async def test_a_server_that_sends_too_slowly_is_stopped_at_the_deadline(fetch: Fetch) -> None:
    with pytest.raises(TransientError, match="too long") as caught:
        await fetch("/drip", deadline_sec=0.3)
    assert caught.value.code == ErrorCode.FETCH_FAILED
