"""A session whose recording is transcribed: a site, a stand-in, a real worker, a real ffmpeg."""

from collections.abc import Callable

from support import media_samples
from support.conference import PAGES, conference

from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import FakeProvider
from secretary_devstack.servers.http_server import HttpServer

NO_CAPTIONS = "/talk?captions=/none"


def test_a_recording_is_transcribed_and_a_missing_one_becomes_a_warning(
    start_stack: Callable[..., Stack],
) -> None:
    recording = media_samples.video_mp4()  # made before any request waits for it
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
            transcribed, gone = (client.wait(job_id, timeout_sec=60) for job_id in ids)
    assert (transcribed["status"], gone["status"]) == ("completed", "completed")
    assert transcribed["results"]["video_transcript"] == f"[00:00:00] {media_samples.SPOKEN}"
    # No model is configured to fill in the fields of the template.
    assert [one["part"] for one in transcribed["results"]["warnings"]] == ["model"]
    assert transcribed["usage"]["audio_seconds"] > 1
    assert transcribed["usage"]["cost"]["total"] > 0
    warnings = [(one["part"], one["code"]) for one in gone["results"]["warnings"]]
    assert warnings == [("video", "FETCH_FAILED"), ("model", "LLM_NOT_CONFIGURED")]
    assert gone["results"]["page_texts"] == PAGES
    assert provider.violations == []
