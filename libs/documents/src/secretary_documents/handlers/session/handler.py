"""The ``session`` job: documents a talk from its page, its captions or recording, and its slides.

The page and the template are required. If another part fails, the job continues without that part,
and the result has a warning with the error's code. A transient error of the model ends the attempt.
"""

from __future__ import annotations

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.session import progress as steps
from secretary_documents.handlers.session.attachment_reader import AttachmentReader
from secretary_documents.handlers.session.markdown import model_text, template_values
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.session.plan import plan_session, slug
from secretary_documents.handlers.session.slides_reader import SlidesReader
from secretary_documents.handlers.session.talk import Talk
from secretary_documents.handlers.session.transcript_finder import (
    TranscribeRecording,
    TranscriptFinder,
)
from secretary_documents.handlers.transformer.handler import WebPageReader
from secretary_documents.templates.template_catalog import NamedTemplate
from secretary_documents.templates.transformer import (
    FoundFields,
    Transformer,
    TransformRequest,
    TransformResult,
    fill,
)
from secretary_documents.web.download import Downloader


class SessionHandler:
    """Handles ``session`` jobs. One instance serves all jobs at the same time."""

    def __init__(
        self,
        *,
        transformer: Transformer,
        pages: WebPageReader,
        downloader: Downloader,
        read_slides: SlidesReader | None = None,
        transcribe: TranscribeRecording | None = None,
    ) -> None:
        """*downloader* fetches captions and slides, and limits their size."""
        self._transformer = transformer
        self._pages = pages
        self._transcripts = TranscriptFinder(downloader, transcribe)
        self._attachments = AttachmentReader(downloader, read_slides)

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Document the talk that *job* names, and complete the job.

        Raises:
            PermanentError: the parameters are bad, or the page or the template cannot be used.
            TransientError: the page or the model may answer at a later attempt.
        """
        report = JobReport(job.job_id, repo)
        report.progress(steps.INITIALIZING)
        parameters = parse_parameters(SessionParameters, job.parameters)
        await self._template(parameters)  # a bad template fails before any cost
        async with report.repeating_progress():
            talk = await self._collect(parameters, report, resource_calculator)
            done = await self._write(talk)
        report.progress(steps.GENERATING_MARKDOWN)
        name = f"{talk.plan.stem}.md"
        await report.file(name, done.text.encode(errors="replace"), "text/markdown; charset=utf-8")
        report.progress(steps.COMPLETED)
        await report.complete(build_result(talk, done, name))

    async def _collect(
        self, parameters: SessionParameters, report: JobReport, resources: ResourceCalculator
    ) -> Talk:
        report.progress(steps.FETCHING_PAGE)
        page = await self._pages.read(parameters.url, resources)
        talk = Talk(parameters, page, plan_session(parameters, page), report, resources)
        report.progress(steps.DOWNLOADING_MEDIA)
        talk.transcript = await self._transcripts.find(talk)
        report.progress(steps.PROCESSING_VIDEO)
        report.progress(steps.PROCESSING_ATTACHMENTS)
        await self._attachments.read(talk)
        report.progress(steps.ATTACHMENTS_PROCESSED)
        if not (page.text.strip() or talk.transcript or talk.attachments):
            message = "the page has no text, and the talk has no captions and no slides"
            raise PermanentError(message, code=ErrorCode.PAGE_EMPTY)
        return talk

    async def _write(self, talk: Talk) -> TransformResult:
        named = await self._template(talk.parameters)
        text = model_text(talk.page, talk.transcript, talk.attachments)
        known = {**talk.parameters.extra, **talk.plan.facts}
        try:
            request = _request(talk.parameters, text, known)
            found = await self._transformer.find(named, request, talk.resources)
        except PermanentError as error:
            talk.warn("model", error)
            found = FoundFields()
        values = template_values(talk.plan, talk.page, talk.transcript, talk.attachments)
        done = fill(named, _request(talk.parameters, text, {**values, **known}), found)
        for warning in done.warnings:
            talk.report.log("warning", warning)
        return done

    async def _template(self, parameters: SessionParameters) -> NamedTemplate:
        named = await self._transformer.load(_request(parameters, "", {}))
        if named is None:
            raise RuntimeError("a session always has a template")
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


def build_result(talk: Talk, done: TransformResult, name: str) -> JsonObject:
    """Return the job's result; *name* is the name of the Markdown among the job's files."""
    plan, parameters = talk.plan, talk.parameters
    read = [attachment for attachment in talk.attachments if attachment.pages]
    return {
        "markdown_file": name,
        "markdown_content": done.text,
        "web_text": talk.page.text,
        "video_transcript": talk.transcript,
        "attachments": [attachment.as_json() for attachment in talk.attachments],
        "attachments_text": "\n\n".join(attachment.text for attachment in read),
        "page_texts": [page.text for attachment in read for page in attachment.pages],
        "assets": talk.assets,
        "target_dir": _folder(talk),
        "structured_data": {**plan.facts, **parameters.extra, **done.data},
        "template": done.template,
        "language": parameters.target_language,
        "llm": done.llm,
        # The name of the zip of all files of the job, which GET …/download-archive returns.
        "archive_filename": f"{talk.report.job_id}.zip" if parameters.create_archive else None,
        "warnings": talk.warnings,
        "usage": talk.resources.usage(),
    }


def _folder(talk: Talk) -> str:
    """Return a folder for this talk in a collection of talks. The job does not create it."""
    facts = talk.plan.facts
    parts = (facts.get("event"), talk.parameters.target_language, facts.get("track"))
    return "/".join(["sessions", *(slug(part) for part in parts if part)])
