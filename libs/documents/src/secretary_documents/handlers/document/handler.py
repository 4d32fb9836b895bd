"""The ``document`` job: reads a file of any format, with its attachments or files."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.document.document_reader import DocumentReader, DocumentTask
from secretary_documents.handlers.document.parameters import DocumentParameters
from secretary_documents.handlers.document.read_document import ReadDocument, joined_text
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.handler import TextTransformer, transform_request
from secretary_documents.handlers.pdf.result import template_part
from secretary_documents.handlers.source import FileSource
from secretary_documents.templates.json_fields import JsonFields

ACCEPT = "*/*"


class DocumentHandler:
    """Handles ``document`` jobs. One instance serves all jobs at the same time."""

    def __init__(
        self,
        *,
        reader: DocumentReader,
        source: FileSource,
        transformer: TextTransformer | None = None,
    ) -> None:
        """Wire the handler.

        Args:
            reader: reads the files.
            source: opens the files that jobs name.
            transformer: applies the templates of jobs that have one. With None, such jobs fail.
        """
        self._reader = reader
        self._source = source
        self._transformer = transformer

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Read the file that *job* names, and complete the job with its documents.

        Raises:
            PermanentError: bad parameters, or a file that cannot be read.
            TransientError: a download or a provider that may work at the next attempt.
        """
        report = JobReport(job.job_id, repo)
        report.progress(progress.INITIALIZING)
        parameters = parse_parameters(DocumentParameters, job.parameters)
        task = DocumentTask(parameters, report, resource_calculator, job)
        self._reader.check(task)
        self._check_template(parameters)
        report.progress(progress.READING_FILE)
        source = self._source.open(parameters, job.owner, accept=ACCEPT)
        async with report.repeating_progress(), source as file:
            resource_calculator.add_bytes(file.size)
            documents = await self._reader.read(task, file)
        report.log("info", f"{len(documents)} documents read")
        text = joined_text(documents)
        async with report.repeating_progress():
            more = await self._transformed(task, text)
        report.progress(progress.FINALIZING)
        result = _result(documents, text) | more | {"usage": resource_calculator.usage()}
        report.progress(progress.COMPLETED)
        await report.complete({**result, "structured_data": result})

    def _check_template(self, parameters: DocumentParameters) -> None:
        if parameters.fields:
            JsonFields(parameters.fields)  # a bad schema fails before any page is read
        if (parameters.has_template or parameters.fields) and self._transformer is None:
            message = "this worker applies no templates: leave out template and fields"
            raise PermanentError(message, code=ErrorCode.TEMPLATES_NOT_CONFIGURED)

    async def _transformed(self, task: DocumentTask, text: str) -> JsonObject:
        """Return what a template or ``fields`` make of *text*."""
        parameters, transformer = task.parameters, self._transformer
        if transformer is None or not (parameters.has_template or parameters.fields):
            task.report.progress(progress.PAGES_READ)
            return {}
        task.report.progress(progress.TEMPLATE_NEXT)
        task.report.progress(progress.TEMPLATE)
        request = transform_request(parameters, text)
        more: JsonObject = {}
        if parameters.has_template:
            done = await transformer.transform(request, task.resources)
            more |= {"template": template_part(done), "template_fields": done.fields}
        if parameters.fields:
            wanted = JsonFields(parameters.fields)
            found = await transformer.fill_in(wanted, request, task.resources)
            more |= {"fields": found.data, "fields_llm": found.usage.as_json()}
        return more


def _result(documents: Sequence[ReadDocument], text: str) -> JsonObject:
    """Return the result without usage: the text of all documents, and each of them."""
    first = documents[0]
    entries = [one.as_json() for one in documents]
    main = dict(entries[0])
    extract = first.extract
    metadata = {
        "file_name": first.name,
        "file_size": first.size,
        "sha256": first.sha256,
        "format": main["format"],
        "media_type": main["media_type"],
        "title": main.get("title"),
        "author": main.get("author"),
        "page_count": main.get("page_count", 0),
        "pages_processed": main.get("pages_processed", 0),
        "document_count": len(documents),
        "text_contents": main.get("text_contents", []),
    }
    parts = dict(extract.more) if extract else {}
    if extract and extract.images_archive:
        parts["images_archive_filename"] = extract.images_archive
    return {"extracted_text": text, "metadata": metadata, "documents": entries, **parts}
