"""The ``document`` job: reads a file of any format, with its attachments or files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.document.document_reader import DocumentReader, DocumentTask
from secretary_documents.handlers.document.parameters import DocumentParameters
from secretary_documents.handlers.document.read_document import ReadDocument, joined_text
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.template_step import TemplateStep
from secretary_documents.handlers.source import FileSource

ACCEPT = "*/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHandler:
    """Handles ``document`` jobs. One instance serves all jobs at the same time."""

    reader: DocumentReader
    """Reads the files."""
    source: FileSource
    """Opens the files that jobs name."""
    templates: TemplateStep = field(default_factory=TemplateStep)

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
        self.reader.check(task)
        self.templates.check(parameters)
        report.progress(progress.READING_FILE)
        source = self.source.open(parameters, job.owner, accept=ACCEPT)
        async with report.repeating_progress(), source as file:
            resource_calculator.add_bytes(file.size)
            documents = await self.reader.read(task, file)
        report.log("info", f"{len(documents)} documents read")
        text = joined_text(documents)
        async with report.repeating_progress():
            more = await self.templates.run(parameters, text, report, resource_calculator)
        report.progress(progress.FINALIZING)
        result = _result(documents, text) | more | {"usage": resource_calculator.usage()}
        report.progress(progress.COMPLETED)
        await report.complete({**result, "structured_data": result})


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
