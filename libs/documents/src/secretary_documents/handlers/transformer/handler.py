"""The ``transformer`` job: a text or a page goes through a template, or is translated."""

from __future__ import annotations

from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.transformer import progress as steps
from secretary_documents.handlers.transformer.parameters import TransformerParameters
from secretary_documents.templates.transformer import Transformer, TransformRequest, TransformResult
from secretary_documents.web.page import WebPage


class PageReader(Protocol):
    """Reads web pages."""

    async def read(self, url: str, resources: ResourceCalculator) -> WebPage:
        """The page at *url*.

        Raises:
            PermanentError: it is refused, or cannot be read.
            TransientError: another try may help.
        """
        ...


class TransformerHandler:
    """Handles ``transformer`` jobs. One instance serves all of them, side by side."""

    def __init__(self, transformer: Transformer, pages: PageReader) -> None:
        """*pages*: for jobs that name a URL."""
        self._transformer = transformer
        self._pages = pages

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Transform the text *job* names, leave the result, complete the job.

        Raises:
            PermanentError: bad parameters, a page or template that cannot be used, or a model
                that is not there or gives no answer that fits.
            TransientError: a page or a model that may answer the next time.
        """
        report = JobReport(job.job_id, repo)
        report.progress(steps.INITIALIZING)
        parameters = parse_parameters(TransformerParameters, job.parameters)
        request, page = await self._request(parameters, resource_calculator)
        if page is not None:
            report.progress(steps.PAGE_READ)
        report.progress(steps.LOADING_TEMPLATE)
        await self._transformer.load(request)  # an error of the template comes before any cost
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
                message = "the page has no text; is it made by JavaScript?"
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
    """The result, in the shape its users read."""
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
