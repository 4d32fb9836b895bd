"""A session whose recording is heard: a site, a provider, a real worker with a real ffmpeg."""

from collections.abc import Callable

from support import media_samples
from support.conference import PAGES, conference

from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import FakeProvider
from secretary_devstack.servers.http_server import HttpServer

NO_CAPTIONS = "/talk?captions=/none"


def test_what_was_said_is_heard_in_the_recording_and_one_that_is_gone_is_a_warning(
    start_stack: Callable[..., Stack],
) -> None:
    recording = media_samples.video_mp4()  # not in the time of a request
    with (
        HttpServer(lambda: conference(lambda: recording), name="conference") as site,
        FakeProvider() as provider,
    ):
        stack = start_stack(
            {
                "transcription.base_url": provider.base_url,
                "transcription.api_key": provider.key,
                "transcription.price_per_minute": 0.006,
                "generic_worker.poll_interval_sec": 0.2,
            }
        )
        with stack.client() as client:
            urls = [site.url(NO_CAPTIONS), site.url(f"{NO_CAPTIONS}&video=/gone.mp4")]
            ids = [client.submit("session", {"url": url}) for url in urls]
            heard, gone = (client.wait(job_id, timeout_sec=60) for job_id in ids)
    assert (heard["status"], gone["status"]) == ("completed", "completed")
    assert heard["results"]["video_transcript"] == f"[00:00:00] {media_samples.SPOKEN}"
    # Nothing is configured that could fill the template's fields.
    assert [one["part"] for one in heard["results"]["warnings"]] == ["model"]
    assert heard["usage"]["audio_seconds"] > 1
    assert heard["usage"]["cost"]["total"] > 0
    warnings = [(one["part"], one["code"]) for one in gone["results"]["warnings"]]
    assert warnings == [("video", "FETCH_FAILED"), ("model", "LLM_NOT_CONFIGURED")]
    assert gone["results"]["page_texts"] == PAGES
    assert provider.violations == []
