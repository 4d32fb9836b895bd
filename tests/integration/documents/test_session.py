"""The session handler and a local site that resembles a conference's site."""

from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pymupdf
import pytest
from support.chat_double import ChatDouble, document_of, no_model
from support.conference import PDF, SAID, SPEAKERS, STEM, TITLE, conference, split, targets
from support.handler_harness import Recorder, make_job
from support.pdf_harness import RecordingCache

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JobStatus, JsonObject
from secretary_common.settings.documents import PdfSection
from secretary_devstack.servers.http_server import HttpServer
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.session import attachment_reader
from secretary_documents.handlers.session.handler import SessionHandler
from secretary_documents.handlers.session.slides_reader import PdfSlidesReader
from secretary_documents.media.recording_transcriber import RecordingTranscript, TranscriptSource
from secretary_documents.providers.chat import ChatModel
from secretary_documents.providers.transcript import Segment
from secretary_documents.templates.template_catalog import TemplateCatalog
from secretary_documents.templates.transformer import Transformer
from secretary_documents.web.download import Downloader
from secretary_documents.web.page_reader import SandboxedPageReader
from secretary_worker.sandbox.zygote_client import ZygoteClient

FOUND: JsonObject = {"tags": ["leases"], "summary": "Kurz.", "key_points": ["Sie enden."]}

Run = Callable[..., Awaitable[Recorder]]


@pytest.fixture
def origin() -> Iterator[str]:
    with HttpServer(conference, name="conference") as site:
        yield site.url("")


@pytest.fixture
def run(origin: str, page_zygote: ZygoteClient, zygote: ZygoteClient) -> Run:
    async def run(
        path: str = "/talk",
        *,
        chat: ChatModel | None = None,
        cache: RecordingCache | None = None,
        parts: Any = None,
        **given: Any,
    ) -> Recorder:
        guard = UrlGuard([ip_network("127.0.0.0/8")])
        downloader = Downloader(
            lambda: guarded_client(guard), max_bytes=2**20, too_large=ErrorCode.FILE_TOO_LARGE
        )
        extractor = PdfExtractor(limits=PdfSection(), max_bytes=2**20, zygote=zygote, cache=cache)
        handler = SessionHandler(
            transformer=Transformer(TemplateCatalog(), chat or ChatDouble(lambda _: FOUND)),
            pages=SandboxedPageReader(downloader, zygote=page_zygote),
            downloader=downloader,
            **{"read_slides": PdfSlidesReader(extractor), **(parts or {})},
        )
        recorder = Recorder()
        url = origin + path if path.startswith("/") else path
        await handler(make_job("session", url=url, **given), recorder, ResourceCalculator())
        return recorder

    return run


def results_of(done: Recorder) -> JsonObject:
    assert done.status is JobStatus.COMPLETED
    assert done.results is not None
    return done.results


def warnings_of(done: Recorder) -> list[tuple[str, str]]:
    return [(warning["part"], warning["code"]) for warning in results_of(done)["warnings"]]


async def test_one_call_with_only_the_url_gives_markdown_with_everything(
    run: Run, origin: str
) -> None:
    chat = ChatDouble(lambda _: FOUND)
    done = await run(chat=chat)
    results = results_of(done)
    assert results["warnings"] == []
    front, body = split(results["markdown_content"])
    assert front == {
        "title": TITLE,
        "event": "Conf 2026",
        "track": "H.1301",
        "date": "2026-01-31",
        "start": "09:30",
        "end": "10:15",
        "speakers": SPEAKERS,
        "url": f"{origin}/talk",
        "video": f"{origin}/talk.mp4",
        "slides": f"{origin}/slides.pdf",
        "tags": ["leases"],
        "language": "de",
        "type": "session",
    }
    assert "Kurz." in body
    assert "- Sie enden." in body
    assert f'<video controls width="640" src="{origin}/talk.mp4"></video>' in body
    assert "[Slides](slides.pdf)\n\n### 1\n\n![Slides 1](slides-0001.jpg)\n\nFolie eins" in body
    assert "A lease is a lock that ends." in body
    assert f"- [Captions]({origin}/talk.vtt)" in body
    assert results["video_transcript"] == SAID
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]
    assert results["attachments_text"] == (
        "--- Page 1 ---\nFolie eins\n\n--- Page 2 ---\nFolie zwei"
    )
    assert results["attachments"] == [
        {
            "url": f"{origin}/slides.pdf",
            "title": "Slides",
            "file": "slides.pdf",
            "pages": 2,
            "previews": ["slides-0001.jpg", "slides-0002.jpg"],
        }
    ]
    assert results["usage"]["pages"] == 2
    assert results["template"]["name"] == "Session_de"
    assert results["target_dir"] == "sessions/Conf-2026/de/H-1301"
    assert results["structured_data"]["summary"] == "Kurz."
    read = document_of(chat.asked[0])
    for part in ("# Page", "# Transcript\n\n[00:00:01] Said {{title}}", "# Slides: Slides"):
        assert part in read


async def test_the_archive_has_the_markdown_the_slides_and_a_picture_of_each_page(
    run: Run,
) -> None:
    done = await run()
    results = results_of(done)
    assert done.files["slides.pdf"] == (PDF, "application/pdf")
    for name in ("slides-0001.jpg", "slides-0002.jpg"):
        jpeg, kind = done.files[name]
        assert kind == "image/jpeg"
        assert pymupdf.Pixmap(jpeg).width == 625  # 300 points at 150 dpi
    markdown, kind = done.files[f"{STEM}.md"]
    assert markdown.decode() == results["markdown_content"]
    assert kind == "text/markdown; charset=utf-8"
    assert results["markdown_file"] == f"{STEM}.md"
    assert results["assets"] == ["slides.pdf", "slides-0001.jpg", "slides-0002.jpg"]
    assert sorted(done.files) == sorted([*results["assets"], results["markdown_file"]])
    assert results["archive_filename"].endswith(".zip")
    linked = targets(split(results["markdown_content"])[1])
    assert [one for one in linked if "://" not in one] == results["assets"]


async def test_without_an_archive_the_slides_are_read_and_no_file_is_kept(run: Run) -> None:
    done = await run(create_archive=False, filename="name")
    results = results_of(done)
    assert list(done.files) == ["name.md"]
    assert (results["archive_filename"], results["assets"]) == (None, [])
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]
    assert "jpg" not in results["markdown_content"]


async def test_every_documented_step_is_passed_in_order_and_moves_with_the_slides(
    run: Run,
) -> None:
    done = await run()
    assert list(dict.fromkeys((one.step, one.percent) for one in done.progress)) == [
        ("initializing", 0),
        ("fetching_page", 10),
        ("downloading_media", 25),
        ("downloading_media", 30),
        ("processing_video", 50),
        *(("processing_attachments", percent) for percent in (70, 72, 73, 74, 75)),
        ("generating_markdown", 90),
        ("completed", 100),
    ]
    percents = [one.percent for one in done.progress]
    assert percents == sorted(percents)
    assert "Slides: page 2 of 2" in [one.message for one in done.progress]


async def test_an_empty_talk_fails_and_no_model_is_asked(run: Run) -> None:
    with pytest.raises(PermanentError) as caught:
        await run("/nothing")
    assert caught.value.code == ErrorCode.PAGE_EMPTY


async def test_without_a_model_the_markdown_has_page_captions_and_slides(
    run: Run,
) -> None:
    done = await run(chat=no_model())
    assert warnings_of(done) == [("model", "LLM_NOT_CONFIGURED")]
    front, body = split(results_of(done)["markdown_content"])
    assert front["speakers"] == SPEAKERS
    assert front["tags"] == []
    assert "Folie eins" in body
    assert SAID in body


@pytest.mark.parametrize(
    ("captions", "code"),
    [
        ("/gone.vtt", "FETCH_FAILED"),
        ("/busy.vtt", "FETCH_FAILED"),
        ("/broken.vtt", "CAPTIONS_INVALID"),
        ("http://169.254.169.254/a.vtt", "URL_REFUSED"),
    ],
)
async def test_captions_that_cannot_be_read_become_a_warning_and_the_recording_is_transcribed(
    run: Run, origin: str, captions: str, code: str
) -> None:
    async def transcribe(
        url: str, language: str | None, _: ResourceCalculator, *, use_cache: bool
    ) -> RecordingTranscript:
        assert (url, language, use_cache) == (f"{origin}/talk.mp4", "en", True)
        return RecordingTranscript((Segment(0, 1, "spoken"),), TranscriptSource.TRANSCRIPTION)

    done = await run(f"/talk?captions={captions}", parts={"transcribe": transcribe})
    assert warnings_of(done) == [("captions", code)]
    assert results_of(done)["video_transcript"] == "[00:00:00] spoken"


async def test_a_recording_that_cannot_be_transcribed_becomes_a_warning(run: Run) -> None:
    async def gone(
        url: str, language: str | None, _: ResourceCalculator, *, use_cache: bool
    ) -> RecordingTranscript:
        raise PermanentError("the server answered 404", code=ErrorCode.FETCH_FAILED)

    path = "/talk?captions=/none"
    assert warnings_of(await run(path)) == [("video", "TRANSCRIPTION_NOT_CONFIGURED")]
    done = await run(path, parts={"transcribe": gone})
    assert warnings_of(done) == [("video", "FETCH_FAILED")]
    assert ("warning", "video: the server answered 404") in done.logs
    assert warnings_of(await run(path, video_transcript="known")) == []


async def test_a_damaged_recording_is_transcribed_in_part_with_a_warning(
    run: Run,
) -> None:
    async def half(
        url: str, language: str | None, _: ResourceCalculator, *, use_cache: bool
    ) -> RecordingTranscript:
        assert not use_cache
        return RecordingTranscript(
            (Segment(0, 1, "spoken"),), TranscriptSource.TRANSCRIPTION, warning="the half of it"
        )

    done = await run("/talk?captions=/none", parts={"transcribe": half}, use_cache=False)
    assert warnings_of(done) == [("video", "MEDIA_INVALID")]
    assert ("warning", "video: the half of it") in done.logs
    assert results_of(done)["video_transcript"] == "[00:00:00] spoken"


async def test_pages_of_slides_come_from_the_cache_the_second_time(run: Run) -> None:
    cache = RecordingCache()
    for logged in ("2 pages read, 0 of them from the cache", "2 pages read, 2 of them"):
        done = await run(cache=cache)
        assert any(logged in message for _, message in done.logs)
        assert results_of(done)["page_texts"] == ["Folie eins", "Folie zwei"]
        assert "slides-0002.jpg" in done.files
    await run(cache=cache, use_cache=False)
    assert len(cache.requested) == 4


@pytest.mark.parametrize(
    ("path", "code", "kept"),
    [
        ("/gone.pdf", "FETCH_FAILED", []),
        ("/inside", "URL_REFUSED", []),
        ("/gigabyte", "FILE_TOO_LARGE", []),
        ("/login.pdf", "PDF_INVALID", []),
        ("/locked.pdf", "PDF_PASSWORD_REQUIRED", ["locked.pdf"]),
        ("/Deck.PPTX", "SLIDES_NOT_READ", ["Deck.pptx"]),
    ],
)
async def test_slides_that_cannot_be_read_become_a_warning_with_its_code(
    run: Run, origin: str, path: str, code: str, kept: list[str]
) -> None:
    done = await run(attachments_url=origin + path)
    assert warnings_of(done) == [("attachment", code)]
    results = results_of(done)
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]  # those that the page links
    assert [name for name in results["assets"] if not name.startswith("slides")] == kept
    assert all(f"]({name})" in results["markdown_content"] for name in kept)


async def test_without_a_slides_reader_slides_are_stored(run: Run) -> None:
    done = await run(parts={"read_slides": None})
    assert warnings_of(done) == [("attachment", "SLIDES_NOT_READ")]
    assert done.files["slides.pdf"][0] == PDF


async def test_too_many_pictures_are_left_out_with_a_warning_and_all_text_stays(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachment_reader, "MAX_PREVIEWS", 1)
    done = await run()
    assert warnings_of(done) == [("previews", "PDF_TOO_MANY_PAGES")]
    results = results_of(done)
    assert results["assets"] == ["slides.pdf", "slides-0001.jpg"]
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]


async def test_two_files_with_the_same_name_are_both_stored(run: Run, origin: str) -> None:
    done = await run(attachments_url=f"{origin}/slides.pdf?again")
    assert results_of(done)["assets"] == [
        *("slides.pdf", "slides-0001.jpg", "slides-0002.jpg"),
        *("slides-2.pdf", "slides-2-0001.jpg", "slides-2-0002.jpg"),
    ]


async def test_parameters_win_over_the_page_and_the_model_gets_them(run: Run) -> None:
    chat = ChatDouble(lambda _: FOUND)
    done = await run(chat=chat, session="Mine {{event}}", track="T", room="R", target_language="en")
    front, body = split(results_of(done)["markdown_content"])
    assert (front["title"], front["track"], front["language"]) == ("Mine {{event}}", "T", "en")
    assert "# Mine {{event}}\n" in body
    assert results_of(done)["structured_data"]["room"] == "R"
    assert '"room": "R"' in chat.asked[0].messages[1].content


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nowhere", ErrorCode.FETCH_FAILED),
        ("http://10.0.0.1/", ErrorCode.URL_REFUSED),
        ("/inside", ErrorCode.URL_REFUSED),
        ("/gigabyte", ErrorCode.FILE_TOO_LARGE),
    ],
)
async def test_a_page_that_cannot_be_read_fails_the_job(
    run: Run, path: str, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as caught:
        await run(path)
    assert caught.value.code == code


async def test_an_unknown_template_fails_the_job_before_any_download(
    run: Run,
) -> None:
    with pytest.raises(PermanentError) as caught:
        await run("/nowhere", template="Nope")
    assert caught.value.code == ErrorCode.TEMPLATE_NOT_FOUND


async def test_while_the_model_is_busy_the_job_is_retried(run: Run) -> None:
    with pytest.raises(TransientError, match="busy"):
        await run(chat=ChatDouble(lambda _: TransientError("busy", retry_after=3)))
