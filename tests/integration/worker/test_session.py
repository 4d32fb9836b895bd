"""The session handler against a site on this machine that is shaped like a conference's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pdf_samples
import pymupdf
import pytest
import yaml
from aiohttp import web
from chat_double import ChatDouble, document_of, no_model
from handler_bench import Recorder, make_job
from pdf_bench import RememberingCache

from secretary_common.egress import guarded_client
from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.models import JobStatus, JsonObject
from secretary_common.resources import ResourceCalculator
from secretary_common.settings import PdfSection
from secretary_common.url_guard import UrlGuard
from secretary_worker.handlers import session_attachment
from secretary_worker.handlers.page_reader import SandboxedPageReader
from secretary_worker.handlers.pdf_extractor import PdfExtractor
from secretary_worker.handlers.session import SessionHandler
from secretary_worker.handlers.session_slides import PdfSlidesReader
from secretary_worker.nursery import Nursery
from secretary_worker.remote.chat import ChatModel
from secretary_worker.template.folder import TemplateFolder
from secretary_worker.template.transformer import Transformer
from secretary_worker.web.download import Downloader

PDF = pdf_samples.text_pdf(["Folie eins", "Folie zwei"], box=pdf_samples.SLIP)
PPTX = b"PK\x03\x04 slides of an office program"
VTT = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nSaid {{title}} & <i>more</i>.\n"
PAGE = """<html lang=en><head><title>x</title><script type="application/ld+json">
{{"@type": "Event", "name": "Leases: \\"that\\" end", "startDate": "2026-01-31T09:30:00+01:00",
"endDate": "2026-01-31T10:15:00+01:00", "location": {{"name": "H.1301"}},
"superEvent": {{"name": "Conf 2026"}}, "performer": [{{"name": "Käthe Müller"}}, {{"name": "Jo"}}],
"description": "A lease is a lock that ends."}}</script></head><body><h1>Other</h1>
<p>{extra}</p><a href="/slides.pdf">Slides</a> <a href="{captions}">Captions</a>
<a href="{video}">Video</a></body></html>"""
FOUND: JsonObject = {"tags": ["leases"], "summary": "Kurz.", "key_points": ["Sie enden."]}

Run = Callable[..., Awaitable[Recorder]]
routes = web.RouteTableDef()


@routes.get("/talk")
async def talk(request: web.Request) -> web.Response:
    given = {"extra": "text", "captions": "/talk.vtt", "video": "/talk.mp4", **request.query}
    return web.Response(text=PAGE.format(**given), content_type="text/html")


@routes.get("/slides.pdf")
async def slides(request: web.Request) -> web.Response:
    return web.Response(body=PDF, content_type="application/pdf")


@routes.get("/Deck.PPTX")
async def office(request: web.Request) -> web.Response:
    return web.Response(body=PPTX, content_type="application/octet-stream")


@routes.get("/login.pdf")
async def login(request: web.Request) -> web.Response:
    return web.Response(text="<html>Log in</html>", content_type="text/html")


@routes.get("/locked.pdf")
async def locked(request: web.Request) -> web.Response:
    body = pdf_samples.encrypted_pdf("secret")
    return web.Response(body=body, content_type="application/pdf")


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


@routes.get("/talk.vtt")
async def captions(request: web.Request) -> web.Response:
    return web.Response(text=VTT, content_type="text/vtt")


@routes.get("/broken.vtt")
async def broken(request: web.Request) -> web.Response:
    return web.Response(text="<html>Log in</html>", content_type="text/html")


@routes.get("/busy.vtt")
async def busy(request: web.Request) -> web.Response:
    return web.Response(status=503)


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def run(origin: str, page_nursery: Nursery, nursery: Nursery) -> Run:
    async def run(
        path: str = "/talk",
        *,
        chat: ChatModel | None = None,
        cache: RememberingCache | None = None,
        parts: Any = None,
        **given: Any,
    ) -> Recorder:
        guard = UrlGuard([ip_network("127.0.0.0/8")])
        downloader = Downloader(
            lambda: guarded_client(guard), max_bytes=2**20, too_large=ErrorCode.FILE_TOO_LARGE
        )
        extractor = PdfExtractor(limits=PdfSection(), max_bytes=2**20, nursery=nursery, cache=cache)
        handler = SessionHandler(
            transformer=Transformer(TemplateFolder(), chat or ChatDouble(lambda _: FOUND)),
            pages=SandboxedPageReader(downloader, nursery=page_nursery),
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


def split(markdown: str) -> tuple[JsonObject, str]:
    _, front, body = markdown.split("---\n", 2)
    return yaml.safe_load(front), body


async def test_one_call_with_only_the_url_gives_markdown_with_everything(
    run: Run, origin: str
) -> None:
    chat = ChatDouble(lambda _: FOUND)
    done = await run(chat=chat)
    results = results_of(done)
    assert results["warnings"] == []
    front, body = split(results["markdown_content"])
    assert front == {
        "title": 'Leases: "that" end',
        "event": "Conf 2026",
        "track": "H.1301",
        "date": "2026-01-31",
        "start": "09:30",
        "end": "10:15",
        "speakers": ["Käthe Müller", "Jo"],
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
    assert results["video_transcript"] == "[00:00:01] Said {{title}} & more."
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
    markdown, kind = done.files["Leases-that-end.md"]
    assert markdown.decode() == results["markdown_content"]
    assert kind == "text/markdown; charset=utf-8"
    assert results["markdown_file"] == "Leases-that-end.md"
    assert results["assets"] == ["slides.pdf", "slides-0001.jpg", "slides-0002.jpg"]
    assert sorted(done.files) == sorted([*results["assets"], results["markdown_file"]])
    assert results["archive_filename"].endswith(".zip")


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


async def test_without_a_model_the_markdown_is_made_of_what_page_captions_and_slides_say(
    run: Run,
) -> None:
    done = await run(chat=no_model())
    assert warnings_of(done) == [("model", "LLM_NOT_CONFIGURED")]
    front, body = split(results_of(done)["markdown_content"])
    assert front["speakers"] == ["Käthe Müller", "Jo"]
    assert front["tags"] == []
    assert "Folie eins" in body


@pytest.mark.parametrize(
    ("captions", "code"),
    [
        ("/gone.vtt", "FETCH_FAILED"),
        ("/busy.vtt", "FETCH_FAILED"),
        ("/broken.vtt", "CAPTIONS_INVALID"),
        ("http://169.254.169.254/a.vtt", "URL_REFUSED"),
    ],
)
async def test_captions_that_cannot_be_had_are_a_warning_and_the_recording_is_heard(
    run: Run, origin: str, captions: str, code: str
) -> None:
    async def heard(url: str, language: str | None, resources: ResourceCalculator) -> str:
        assert (url, language) == (f"{origin}/talk.mp4", "en")
        return "[00:00:00] heard"

    done = await run(f"/talk?captions={captions}", parts={"transcribe": heard})
    assert warnings_of(done) == [("captions", code)]
    assert results_of(done)["video_transcript"] == "[00:00:00] heard"


async def test_a_recording_that_is_gone_or_that_nobody_can_hear_is_a_warning(run: Run) -> None:
    async def gone(url: str, language: str | None, resources: ResourceCalculator) -> str:
        raise PermanentError("the server answered 404", code=ErrorCode.FETCH_FAILED)

    path = "/talk?captions=/none"
    assert warnings_of(await run(path)) == [("video", "TRANSCRIPTION_NOT_CONFIGURED")]
    done = await run(path, parts={"transcribe": gone})
    assert warnings_of(done) == [("video", "FETCH_FAILED")]
    assert ("warning", "video: the server answered 404") in done.logs
    assert warnings_of(await run(path, video_transcript="known")) == []


async def test_pages_of_slides_that_were_read_before_come_from_the_cache(run: Run) -> None:
    cache = RememberingCache()
    for logged in ("2 pages read, 0 of them from the cache", "2 pages read, 2 of them"):
        done = await run(cache=cache)
        assert any(logged in message for _, message in done.logs)
        assert results_of(done)["page_texts"] == ["Folie eins", "Folie zwei"]
        assert "slides-0002.jpg" in done.files
    await run(cache=cache, use_cache=False)
    assert len(cache.asked) == 4


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
async def test_slides_that_cannot_be_had_or_read_are_a_warning_with_its_code(
    run: Run, origin: str, path: str, code: str, kept: list[str]
) -> None:
    done = await run(attachments_url=origin + path)
    assert warnings_of(done) == [("attachment", code)]
    results = results_of(done)
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]  # those the page leads to
    assert [name for name in results["assets"] if not name.startswith("slides")] == kept
    assert all(f"]({name})" in results["markdown_content"] for name in kept)


async def test_slides_that_nobody_here_reads_are_kept(run: Run) -> None:
    done = await run(parts={"read_slides": None})
    assert warnings_of(done) == [("attachment", "SLIDES_NOT_READ")]
    assert done.files["slides.pdf"][0] == PDF


async def test_pictures_that_are_too_many_are_left_out_with_a_warning_and_no_text_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_attachment, "MAX_PREVIEWS", 1)
    done = await run()
    assert warnings_of(done) == [("previews", "PDF_TOO_MANY_PAGES")]
    results = results_of(done)
    assert results["assets"] == ["slides.pdf", "slides-0001.jpg"]
    assert results["page_texts"] == ["Folie eins", "Folie zwei"]


async def test_two_files_of_one_name_are_both_kept(run: Run, origin: str) -> None:
    done = await run(attachments_url=f"{origin}/slides.pdf?again")
    assert results_of(done)["assets"] == [
        *("slides.pdf", "slides-0001.jpg", "slides-0002.jpg"),
        *("slides-2.pdf", "slides-2-0001.jpg", "slides-2-0002.jpg"),
    ]


async def test_parameters_and_others_win_over_the_page_and_are_told_to_the_model(run: Run) -> None:
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
async def test_a_page_that_cannot_be_had_fails_the_job(
    run: Run, path: str, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as caught:
        await run(path)
    assert caught.value.code == code


async def test_a_template_that_is_not_there_fails_the_job_before_anything_is_fetched(
    run: Run,
) -> None:
    with pytest.raises(PermanentError) as caught:
        await run("/nowhere", template="Nope")
    assert caught.value.code == ErrorCode.TEMPLATE_NOT_FOUND


async def test_a_model_that_is_busy_has_the_job_tried_again(run: Run) -> None:
    with pytest.raises(TransientError, match="busy"):
        await run(chat=ChatDouble(lambda _: TransientError("busy", retry_after=3)))
