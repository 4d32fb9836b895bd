"""The parameters of a ``document`` job."""

from __future__ import annotations

from pydantic import Field

from secretary_documents.formats.signatures import REFUSED
from secretary_documents.handlers.pdf.options import Output, Outputs
from secretary_documents.handlers.pdf.parameters import ExtractionMethod, PdfParameters
from secretary_documents.handlers.source_parameters import upload_parameter


class DocumentParameters(PdfParameters):
    """The file to read, and the way to read it. PDFs and pictures have more options than others."""

    file_id: str | None = upload_parameter(REFUSED)
    extraction_method: ExtractionMethod = Field(
        default="combined",
        description=(
            "Only for PDFs and pictures. combined: for each page native or ocr, whichever gives "
            "good text, with the reason. native: the text in the file. ocr: every page is read as "
            "an image. mistral_ocr, openai_vision: pages are sent to this provider."
        ),
    )
    output: Output | Outputs = Field(
        default="markdown",
        description=(
            "text: the lines in reading order. markdown, html: with headings, lists and tables. "
            "json: for each page an object with its blocks and cells. pdf: a searchable PDF, only "
            "of a PDF or a picture. Of a list, each output becomes a file of the job, and the text "
            "has the form of the first one but pdf."
        ),
    )
    attachments: bool = Field(
        default=True,
        description=(
            "Read the attachments of mails and the files in archives, each as a document of its "
            "own. False: only their names and sizes are listed."
        ),
    )
