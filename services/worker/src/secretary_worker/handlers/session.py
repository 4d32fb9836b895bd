"""The ``session`` job: documents a talk from its page, its captions and its slides.

Only the page must be there. Whatever else fails stands in ``warnings`` with its code, and the
Markdown is made of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.models import Job, JsonObject
from secretary_common.resources import ResourceCalculator
from secretary_worker.handlers import session_progress as steps
from secretary_worker.handlers.contract import JobReport, Reporter
from secretary_worker.handlers.parameter import parse_parameters
from secretary_worker.handlers.session_markdown import Attachment, model_text, values_of
from secretary_worker.handlers.session_parameter import SessionParameters
from secretary_worker.handlers.session_plan import SessionPlan, plan_session, slug
from secretary_worker.handlers.transformer import PageReader
from secretary_worker.media.listener import Heard
from secretary_worker.source import OpenFile
from secretary_worker.template.folder import NamedTemplate
from secretary_worker.template.transformer import (
    Found,
    Transformed,
    Transformer,
    TransformRequest,
    fill,
)
from secretary_worker.web.caption import parse_captions, transcript_of
from secretary_worker.web.charset import decode
from secretary_worker.web.download import Downloader
from secretary_worker.web.page import WebPage

CAPTIONS_BYTES = 10 * 2**20


class SlidesReader(Protocol):
    """Reads the pages of slides."""

    async def __call__(self, file: OpenFile, resources: ResourceCalculator) -> Sequence[str]:
        """The text of each page of the PDF in *file*.

        Raises:
            PermanentError: it cannot be read.
            TransientError: another try may help.
        """
        ...


class Transcriber(Protocol):
    """Hears what is said in a recording."""

    async def __call__(
        self, url: str, language: str | None, resources: ResourceCalculator
    ) -> Heard:
        """What is said at *url*, with times.

        Raises:
            PermanentError: it is not there or not understood, or nothing is configured to hear it.
            TransientError: another try may help.
        """
        ...


@dataclass(slots=True)
class _Talk:
    """What has been gathered of one talk."""

    parameters: SessionParameters
    page: WebPage
    plan: SessionPlan
    report: JobReport
    resources: ResourceCalculator
    transcript: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)
    warnings: list[JsonObject] = field(default_factory=list)

    def warn(self, part: str, error: SecretaryError, url: str | None = None) -> None:
        """Go on without *part*, and say so."""
        told = {"part": part, "code": error.code, "message": error.message}
        self.warnings.append({**told, "url": url} if url else told)
        self.report.log("warning", f"{part}: {error.message}")


class SessionHandler:
    """Handles ``session`` jobs. One instance serves all of them, side by side."""

    def __init__(
        self,
        *,
        transformer: Transformer,
        pages: PageReader,
        downloader: Downloader,
        read_slides: SlidesReader | None = None,
        transcribe: Transcriber | None = None,
    ) -> None:
        """*downloader*: for captions and slides, with the most that one may have."""
        self._transformer = transformer
        self._pages = pages
        self._downloader = downloader
        self._read_slides = read_slides
        self._transcribe = transcribe

    async def __call__(
        self, job: Job, repo: Reporter, resource_calculator: ResourceCalculator
    ) -> None:
        """Document the talk *job* names, leave the result, complete the job.

        Raises:
            PermanentError: bad parameters, or a page or template that cannot be used.
            TransientError: a page or a model that may answer the next time.
        """
        report = JobReport(job.job_id, repo)
        report.progress(steps.INITIALIZING)
        parameters = parse_parameters(SessionParameters, job.parameters)
        await self._template(parameters)  # an error of the template comes before any cost
        report.progress(steps.FETCHING_PAGE)
        page = await self._pages.read(parameters.url, resource_calculator)
        plan = plan_session(parameters, page)
        talk = _Talk(parameters, page, plan, report, resource_calculator)
        report.progress(steps.DOWNLOADING_MEDIA)
        talk.transcript = await self._said(talk)
        report.progress(steps.PROCESSING_VIDEO)
        report.progress(steps.PROCESSING_ATTACHMENTS)
        await self._read_attachments(talk)
        report.progress(steps.ATTACHMENTS_PROCESSED)
        done = await self._written(talk)
        report.progress(steps.GENERATING_MARKDOWN)
        name = f"{plan.stem}.md"
        await report.file(name, done.text.encode(errors="replace"), "text/markdown; charset=utf-8")
        report.progress(steps.COMPLETED)
        await report.complete(_result(talk, done, name))

    async def _said(self, talk: _Talk) -> str:
        """What was said, with times; empty if nobody knows."""
        if talk.parameters.video_transcript is not None:
            return talk.parameters.video_transcript
        captions = talk.plan.captions
        if captions is not None:
            try:
                transcript = await self._captions(captions.url, talk.resources)
                talk.report.progress(steps.MEDIA_DOWNLOADED)
            except (PermanentError, TransientError) as error:
                talk.warn("captions", error, captions.url)
            else:
                return transcript
        return await self._heard(talk)

    async def _captions(self, url: str, resources: ResourceCalculator) -> str:
        accept = "text/vtt, application/x-subrip, text/plain;q=0.5, */*;q=0.1"
        async with self._downloader.fetch(url, accept=accept) as download:
            resources.add_bytes(download.size)
            if download.size > CAPTIONS_BYTES:
                message = f"the captions have more than {CAPTIONS_BYTES} bytes"
                raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
            download.file.seek(0)
            content = decode(download.file.read(), download.content_type)
        transcript = transcript_of(parse_captions(content))
        if not transcript:
            raise PermanentError("there are no captions in it", code=ErrorCode.CAPTIONS_INVALID)
        return transcript

    async def _heard(self, talk: _Talk) -> str:
        url = talk.plan.video_url
        if url is None:
            return ""
        language = talk.parameters.source_language
        try:
            if self._transcribe is None:
                message = "there are no captions, and no transcription is configured"
                raise PermanentError(message, code=ErrorCode.TRANSCRIPTION_NOT_CONFIGURED)
            spoken = None if language == "auto" else language
            heard = await self._transcribe(url, spoken, talk.resources)
        except (PermanentError, TransientError) as error:
            talk.warn("video", error, url)
            return ""
        if heard.note:
            talk.warn("video", PermanentError(heard.note, code=ErrorCode.MEDIA_INVALID), url)
        return heard.text

    async def _read_attachments(self, talk: _Talk) -> None:
        for link in talk.plan.attachments:
            name = PurePosixPath(link.url.partition("?")[0]).name
            attachment = Attachment(link.url, link.text or name)
            talk.attachments.append(attachment)
            try:
                await self._read_attachment(talk, attachment)
            except (PermanentError, TransientError) as error:
                talk.warn("attachment", error, link.url)

    async def _read_attachment(self, talk: _Talk, attachment: Attachment) -> None:
        accept = "application/pdf, */*;q=0.5"
        async with self._downloader.fetch(attachment.url, accept=accept) as download:
            talk.resources.add_bytes(download.size)
            if talk.parameters.create_archive:
                name = _asset_name(download.name, talk.assets)
                download.file.seek(0)
                await talk.report.file(name, download.file.read(), _content_type(name))
                talk.assets.append(name)
                attachment.file = name
            if self._read_slides is None:
                message = "the slides are kept, but nothing here reads them"
                raise PermanentError(message, code=ErrorCode.SLIDES_NOT_READ)
            file = OpenFile(download.file.fileno(), download.name, download.size)
            attachment.pages = list(await self._read_slides(file, talk.resources))

    async def _written(self, talk: _Talk) -> Transformed:
        named = await self._template(talk.parameters)
        text = model_text(talk.page, talk.transcript, talk.attachments)
        known = {**talk.parameters.others, **talk.plan.facts}
        try:
            request = _request(talk.parameters, text, known)
            found = await self._transformer.find(named, request, talk.resources)
        except PermanentError as error:
            talk.warn("model", error)
            found = Found()
        values = values_of(talk.plan, talk.page, talk.transcript, talk.attachments)
        done = fill(named, _request(talk.parameters, text, {**values, **known}), found)
        for warning in done.warnings:
            talk.report.log("warning", warning)
        return done

    async def _template(self, parameters: SessionParameters) -> NamedTemplate:
        named = await self._transformer.load(_request(parameters, "", {}))
        if named is None:
            raise RuntimeError("a session has a template")
        return named


def _request(parameters: SessionParameters, text: str, context: JsonObject) -> TransformRequest:
    return TransformRequest(
        text=text,
        template=parameters.template,
        context=context,
        source_language=parameters.source_language,
        target_language=parameters.target_language,
        model=parameters.model,
        use_cache=parameters.use_cache,
    )


def _result(talk: _Talk, done: Transformed, name: str) -> JsonObject:
    plan, parameters = talk.plan, talk.parameters
    folder = (plan.facts.get("event"), parameters.target_language, plan.facts.get("track"))
    texts = [text for attachment in talk.attachments for text in attachment.pages]
    archive = f"{talk.report.job_id}.zip" if parameters.create_archive else None
    return {
        "markdown_file": name,
        "markdown_content": done.text,
        "web_text": talk.page.text,
        "video_transcript": talk.transcript,
        "attachments": [attachment.told() for attachment in talk.attachments],
        "attachments_text": "\n\n".join(texts),
        "page_texts": texts,
        "assets": talk.assets,
        "target_dir": "/".join(["sessions", *(slug(part) for part in folder if part)]),
        "structured_data": {**plan.facts, **parameters.others, **done.data},
        "template": done.template,
        "language": parameters.target_language,
        "llm": done.llm,
        # What GET …/download-archive calls the zip of all files of the job.
        "archive_filename": archive,
        "warnings": talk.warnings,
        "usage": talk.resources.usage(),
    }


def _asset_name(name: str, taken: Sequence[str]) -> str:
    """A name for a file of the job that is like *name* and not among *taken*."""
    path = PurePosixPath(name)
    suffix = f".{slug(path.suffix[:10])}" if slug(path.suffix[:10]) else ""
    stem = slug(path.stem) or "slides"
    number = sum(one.startswith(stem) for one in taken)
    return f"{stem}{f'-{number + 1}' if number else ''}{suffix}"


def _content_type(name: str) -> str:
    return "application/pdf" if name.lower().endswith(".pdf") else "application/octet-stream"
