"""The ``session`` job: documents a talk from its page, its captions and its slides.

Only the page must be there. Whatever else fails stands in ``warnings`` with its code, and the
Markdown is made of the rest.
"""

from __future__ import annotations

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.session import progress as steps
from secretary_documents.handlers.session.attachment_reader import AttachmentReader
from secretary_documents.handlers.session.markdown import model_text, values_of
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.session.plan import plan_session
from secretary_documents.handlers.session.result import build_result
from secretary_documents.handlers.session.slides_reader import SlidesReader
from secretary_documents.handlers.session.talk import Talk
from secretary_documents.handlers.session.transcript_finder import (
    TranscribeRecording,
    TranscriptFinder,
)
from secretary_documents.handlers.transformer.handler import PageReader
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
    """Handles ``session`` jobs. One instance serves all of them, side by side."""

    def __init__(
        self,
        *,
        transformer: Transformer,
        pages: PageReader,
        downloader: Downloader,
        read_slides: SlidesReader | None = None,
        transcribe: TranscribeRecording | None = None,
    ) -> None:
        """*downloader*: for captions and slides, with the most that one may have."""
        self._transformer = transformer
        self._pages = pages
        self._transcripts = TranscriptFinder(downloader, transcribe)
        self._attachments = AttachmentReader(downloader, read_slides)

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
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
        async with report.repeating_progress():
            talk = await self._gathered(parameters, report, resource_calculator)
            done = await self._written(talk)
        report.progress(steps.GENERATING_MARKDOWN)
        name = f"{talk.plan.stem}.md"
        await report.file(name, done.text.encode(errors="replace"), "text/markdown; charset=utf-8")
        report.progress(steps.COMPLETED)
        await report.complete(build_result(talk, done, name))

    async def _gathered(
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
            message = "the page has no text, and there are neither captions nor slides"
            raise PermanentError(message, code=ErrorCode.PAGE_EMPTY)
        return talk

    async def _written(self, talk: Talk) -> TransformResult:
        named = await self._template(talk.parameters)
        text = model_text(talk.page, talk.transcript, talk.attachments)
        known = {**talk.parameters.others, **talk.plan.facts}
        try:
            request = _request(talk.parameters, text, known)
            found = await self._transformer.find(named, request, talk.resources)
        except PermanentError as error:
            talk.warn("model", error)
            found = FoundFields()
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
