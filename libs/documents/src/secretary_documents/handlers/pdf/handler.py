"""The ``pdf`` job: reads the text of a PDF page by page, in child processes or by a provider."""

from __future__ import annotations

from dataclasses import dataclass, field

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
from secretary_documents.handlers.pdf.template_step import TemplateStep
from secretary_documents.handlers.source import FileSource
from secretary_worker import OpenFile

ACCEPT = "application/pdf, */*;q=0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfHandler:
    """Handles ``pdf`` jobs. One instance serves all jobs at the same time."""

    extractor: PdfExtractor
    """Reads the files."""
    source: FileSource
    """Opens the PDFs that jobs name."""
    templates: TemplateStep = field(default_factory=TemplateStep)

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
        task = self.extractor.task(parameters, report, resource_calculator, job)
        self.templates.check(parameters)
        report.log("info", f"PDF extraction started, method {parameters.extraction_method}")
        report.progress(progress.READING_FILE)
        source = self.source.open(parameters, job.owner, accept=ACCEPT)
        async with report.repeating_progress(), source as file:
            resource_calculator.add_bytes(file.size)
            extract = await self._extract(task, file)
        async with report.repeating_progress():
            extract.more |= await self.templates.run(
                parameters, extract.text, report, resource_calculator
            )
        report.progress(progress.FINALIZING)
        result = extract.result(resource_calculator.usage())
        report.progress(progress.COMPLETED)
        await report.complete(result)

    async def _extract(self, task: PdfTask, file: OpenFile) -> PdfExtract:
        async with self.extractor.open(task, file) as pdf:
            numbers = pdf.numbers()
            check_file_count(task.parameters, len(numbers))
            if task.parameters.include_images:
                check_images(numbers)
            extract = await pdf.read()
            await add_parts(extract, pdf.document, task.parameters, task.report)
            if task.parameters.include_images:
                extract.images_archive = await add_images(pdf.document, numbers, task.report)
        return extract
