"""A session whose recording is heard: a site, a provider, a real worker with a real ffmpeg."""

from collections.abc import Callable

import media_samples
from aiohttp import web

from secretary_devstack.provider import FakeProvider
from secretary_devstack.site import Site
from secretary_devstack.stack import Stack

PAGE = """<html lang=en><head><title>Leases that end</title></head><body><h1>Leases that end</h1>
<p>A lease is a lock that ends.</p><a href="/talk.mp4">Video</a></body></html>"""


def conference() -> web.Application:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def talk(request: web.Request) -> web.Response:
        return web.Response(body=media_samples.video_mp4(), content_type="video/mp4")

    app = web.Application()
    app.router.add_get("/talk", page)
    app.router.add_get("/talk.mp4", talk)
    return app


def test_a_session_given_only_its_url_has_what_was_said_in_its_recording(
    start_stack: Callable[..., Stack],
) -> None:
    media_samples.video_mp4()  # not in the time of a request
    with Site(conference, name="conference") as site, FakeProvider() as provider:
        stack = start_stack(
            {
                "transcription.base_url": provider.base_url,
                "transcription.api_key": provider.key,
                "transcription.price_per_minute": 0.006,
            }
        )
        with stack.client() as client:
            job = client.wait(client.submit("session", {"url": site.url("/talk")}), timeout_sec=60)
    assert job["status"] == "completed"
    assert job["results"]["video_transcript"] == f"[00:00:00] {media_samples.SPOKEN}"
    # Nothing is configured that could fill the template's fields.
    assert [one["part"] for one in job["results"]["warnings"]] == ["model"]
    assert job["usage"]["audio_seconds"] > 1
    assert job["usage"]["cost"]["total"] > 0
    assert provider.violations == []
