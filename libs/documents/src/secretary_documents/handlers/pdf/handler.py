"""The ``pdf`` job: reads the text of a PDF page by page, in child processes or by a provider."""

from __future__ import annotations

from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.extractor import PdfExtractor, PdfTask
from secretary_documents.handlers.pdf.images import add_images, check_images
from secretary_documents.handlers.pdf.output_files import check_file_count
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.parts import add_parts
from secretary_documents.handlers.pdf.result import PdfExtract
from secretary_documents.handlers.source import FileSource
from secretary_documents.templates.json_fields import JsonFields
from secretary_documents.templates.transformer import (
    FoundFields,
    TransformRequest,
    TransformResult,
)
from secretary_worker import OpenFile

ACCEPT = "application/pdf, */*;q=0.5"


class TextTransformer(Protocol):
    """Applies a template to a text. ``templates.Transformer`` implements this protocol."""

    async def transform(
        self, request: TransformRequest, resources: ResourceCalculator
    ) -> TransformResult:
        """Transform the text of *request*.

        Raises:
            PermanentError: the template or the model's answer is faulty.
            TransientError: the model may answer at the next attempt.
        """
        ...

    async def fill_in(
        self, wanted: JsonFields, request: TransformRequest, resources: ResourceCalculator
    ) -> FoundFields:
        """Find the object *wanted* in the text of *request*.

        Raises:
            PermanentError: the model's answer is faulty.
            TransientError: the model may answer at the next attempt.
        """
        ...


class PdfHandler:
    """Handles ``pdf`` jobs. One instance serves all jobs at the same time."""

    def __init__(
        self,
        *,
        extractor: PdfExtractor,
        source: FileSource,
        transformer: TextTransformer | None = None,
    ) -> None:
        """Wire the handler.

        Args:
            extractor: reads the files.
            source: opens the PDFs that jobs name.
            transformer: applies the templates of jobs that have one. With None, such jobs fail.
        """
        self._extractor = extractor
        self._source = source
        self._transformer = transformer

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Read the PDF that *job* names, report each page, and complete the job with its result.

        Raises:
            PermanentError: bad parameters, or a file or document that cannot be read.
            TransientError: a download or a provider that may work at the next attempt.
        """
        report = JobReport(job.job_id, repo)
        report.progress(progress.INITIALIZING)
        parameters = parse_parameters(PdfParameters, job.parameters)
        task = self._extractor.task(parameters, report, resource_calculator, job)
        self._check_template(parameters)
        if parameters.fields:
            JsonFields(parameters.fields)  # a bad schema fails before any page is read
        report.log("info", f"PDF extraction started, method {parameters.extraction_method}")
        report.progress(progress.READING_FILE)
        source = self._source.open(parameters, job.owner, accept=ACCEPT)
        async with report.repeating_progress(), source as file:
            resource_calculator.add_bytes(file.size)
            extract = await self._extract(task, file)
        async with report.repeating_progress():
            await self._transform_text(task, extract)
        report.progress(progress.FINALIZING)
        result = extract.result(resource_calculator.usage())
        report.progress(progress.COMPLETED)
        await report.complete(result)

    def _check_template(self, parameters: PdfParameters) -> None:
        """Refuse a job with a template before any page is read, if templates are not available."""
        if (parameters.has_template or parameters.fields) and self._transformer is None:
            message = (
                "this worker applies no templates: leave out template, template_content, fields"
            )
            raise PermanentError(message, code=ErrorCode.TEMPLATES_NOT_CONFIGURED)

    async def _extract(self, task: PdfTask, file: OpenFile) -> PdfExtract:
        async with self._extractor.open(task, file) as pdf:
            numbers = pdf.numbers()
            check_file_count(task.parameters, len(numbers))
            if task.parameters.include_images:
                check_images(numbers)
            extract = await pdf.read()
            await add_parts(extract, pdf.document, task.parameters, task.report)
            if task.parameters.include_images:
                extract.images_archive = await add_images(pdf.document, numbers, task.report)
        return extract

    async def _transform_text(self, task: PdfTask, extract: PdfExtract) -> None:
        parameters, transformer = task.parameters, self._transformer
        if transformer is None or not (parameters.has_template or parameters.fields):
            task.report.progress(progress.PAGES_READ)
            return
        task.report.progress(progress.TEMPLATE_NEXT)
        task.report.progress(progress.TEMPLATE)
        request = transform_request(parameters, extract.text)
        if parameters.has_template:
            extract.transformed = await transformer.transform(request, task.resources)
        if parameters.fields:
            wanted = JsonFields(parameters.fields)
            found = await transformer.fill_in(wanted, request, task.resources)
            extract.more |= {"fields": found.data, "fields_llm": found.usage.as_json()}


def transform_request(parameters: PdfParameters, text: str) -> TransformRequest:
    """Return the request to apply the template in *parameters* to *text*."""
    return TransformRequest(
        text=text,
        template=parameters.template,
        template_content=parameters.template_content,
        context=parameters.context,
        target_language=parameters.target_language,
        use_cache=parameters.use_cache and not parameters.force_refresh,
    )
