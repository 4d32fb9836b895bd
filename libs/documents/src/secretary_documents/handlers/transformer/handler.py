"""The ``transformer`` job fills a template with values that a model finds in a text or a web page.

Without a template it translates the text.
"""

from __future__ import annotations

from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.transformer import progress as steps
from secretary_documents.handlers.transformer.parameters import TransformerParameters
from secretary_documents.templates.transformer import Transformer, TransformRequest, TransformResult
from secretary_documents.web.page import WebPage


class WebPageReader(Protocol):
    """Reads web pages."""

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        """Read the page at *url*.

        Raises:
            PermanentError: the URL is refused, or the page cannot be read.
            TransientError: a later attempt may succeed.
        """
        ...


class TransformerHandler:
    """Handles ``transformer`` jobs. One instance serves all jobs at the same time."""

    def __init__(self, transformer: Transformer, pages: WebPageReader) -> None:
        """*pages* reads the pages of jobs that name a URL."""
        self._transformer = transformer
        self._pages = pages

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Transform the text that *job* names, and complete the job.

        Raises:
            PermanentError: the parameters are bad; the page or the template cannot be used; no
                model is configured, or the model's answer does not fit.
            TransientError: the page or the model may answer at a later attempt.
        """
        report = JobReport(job.job_id, repo)
        report.progress(steps.INITIALIZING)
        parameters = parse_parameters(TransformerParameters, job.parameters)
        request, page = await self._request(parameters, resource_calculator)
        if page is not None:
            report.progress(steps.PAGE_READ)
        report.progress(steps.LOADING_TEMPLATE)
        await self._transformer.load(request)  # a bad template fails before any cost
        report.progress(steps.TEMPLATE_LOADED)
        report.progress(steps.TRANSFORMING)
        done = await self._transformer.transform(
            request,
            resource_calculator,
            lambda number, total: report.progress(steps.part_progress(number, total)),
        )
        report.progress(steps.TRANSFORMED)
        _log(report, done)
        report.progress(steps.FINALIZING)
        result = build_result(done, request, page, resource_calculator.usage())
        report.progress(steps.COMPLETED)
        await report.complete(result)

    async def _request(
        self, parameters: TransformerParameters, resources: ResourceCalculator
    ) -> tuple[TransformRequest, WebPage | None]:
        page = None
        if parameters.url is not None:
            page = await self._pages.read(parameters.url, resources)
            if not page.text.strip():
                message = "the page has no text; perhaps JavaScript adds the text"
                raise PermanentError(message, code=ErrorCode.PAGE_EMPTY)
        text = page.text if page is not None else parameters.text or ""
        return (
            TransformRequest(
                text=text,
                template=parameters.template,
                template_content=parameters.template_content,
                context=parameters.context,
                additional_fields=parameters.additional_field_descriptions,
                source_language=parameters.source_language,
                target_language=parameters.target_language,
                model=parameters.model,
                use_cache=parameters.use_cache,
            ),
            page,
        )


def build_result(
    done: TransformResult, request: TransformRequest, page: WebPage | None, usage: JsonObject
) -> JsonObject:
    """Return the job's result."""
    source = {} if page is None else {"page": {"url": page.url, "title": page.title}}
    return {
        "transformed_text": done.text,
        "template_fields": done.fields,
        "structured_data": done.data,
        "template": done.template,
        "language": request.target_language,
        "llm": done.llm,
        "warnings": list(done.warnings),
        "usage": usage,
        **source,
    }


def _log(report: JobReport, done: TransformResult) -> None:
    for warning in done.warnings:
        report.log("warning", warning)
    tokens = done.llm["prompt_tokens"] + done.llm["completion_tokens"]
    parts, requests = done.llm["parts"], done.llm["requests"]
    report.log("info", f"text read in {parts} part(s): {requests} requests, {tokens} tokens")
