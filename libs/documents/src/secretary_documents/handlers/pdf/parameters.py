"""The parameters of a ``pdf`` job."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from secretary_common.models import JsonObject
from secretary_documents.handlers.parameter import FROZEN, optional, without_null
from secretary_documents.handlers.pdf.options import (
    LOCAL_ONLY,
    REMOTE_METHODS,
    ChunkOptions,
    Output,
    Outputs,
    PictureFileOptions,
    TableFileOptions,
    TextOutput,
    remote_fault,
    remote_rule,
)
from secretary_documents.handlers.source_parameters import (
    ONE_SOURCE,
    check_one_source,
    filename_parameter,
    upload_parameter,
    url_parameter,
)
from secretary_documents.pdf.ocr_engine import OcrEngine

ExtractionMethod = Literal["native", "ocr", "mistral_ocr", "openai_vision", "combined"]
MAX_PAGE = 1_000_000
"""The largest page number. Without a limit, JSON would accept 1e308 as a whole number."""
# A language by Tesseract's name, such as eng, deu or chi_sim; never a path.
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{3}(_[A-Za-z0-9]+)*$", max_length=32)]


def _object_schema(schema: JsonObject) -> None:
    """Let the API check that the value of the field describes an object with properties."""
    without_null(schema)
    schema["required"] = ["type", "properties"]
    schema["properties"] = {
        "type": {"const": "object"},
        "properties": {"type": "object", "minProperties": 1},
    }


class PdfParameters(BaseModel):
    """The PDF to read, and the way to read it."""

    model_config = ConfigDict(
        **FROZEN,
        json_schema_extra={
            "oneOf": ONE_SOURCE,
            "not": {"required": ["template", "template_content"]},
            "allOf": [remote_rule()],
            "x-at-least": {"page_end": "page_start"},
        },
    )

    filename: str | None = filename_parameter()
    url: str | None = url_parameter("The URL of the PDF, http, https or s3://bucket/key")
    file_id: str | None = upload_parameter()
    extraction_method: ExtractionMethod = Field(
        default="native",
        description=(
            "native: the text in the file. ocr: every page is read as an image. combined: for each "
            "page native or ocr, whichever gives good text, with the reason. mistral_ocr, "
            "openai_vision: pages are sent to this provider, if it is configured."
        ),
    )
    page_start: int = Field(
        default=1, ge=1, le=MAX_PAGE, description="The first page to read; counted from 1."
    )
    page_end: int | None = optional(
        "The last page to read; by default the last page of the document.",
        ge=1,
        le=MAX_PAGE,
    )
    language: list[Language] = Field(
        default=["eng", "deu"],
        min_length=1,
        max_length=8,
        description="The languages for OCR, by Tesseract's names; other methods ignore it.",
    )
    ocr_engine: OcrEngine = Field(
        default="auto",
        description=(
            "auto: Tesseract, and RapidOCR for the pages of which Tesseract is not sure, if it is "
            "installed. tesseract, rapidocr: only this engine. RapidOCR ignores language."
        ),
    )
    password: SecretStr | None = optional(
        "The password of an encrypted PDF. It is stored encrypted and never shown."
    )
    output: Output | Outputs = Field(
        default="text",
        description=(
            "text: the lines in reading order. markdown, html: with headings, lists and tables. "
            "json: for each page an object with its blocks, their boxes and cells. pdf: a "
            "searchable PDF, the file document.pdf of the job. Of a list, each output becomes a "
            "file of the job (document.txt, .md, .html, .json, .pdf), and the text has the form "
            "of the first one but pdf. Providers ignore html and json."
        ),
    )
    keep_headers: bool = Field(
        default=False,
        description=(
            "Keep running heads, running feet and page numbers: short lines that several pages "
            "have at the same edge. OCR and providers always keep them."
        ),
    )
    include_images: bool = Field(
        default=False,
        description=(
            "Keep an image (JPEG) of each page as a file of the job. At most 1,000 pages."
        ),
    )
    pictures: PictureFileOptions | None = optional(
        "Keep the pictures on the pages as files of the job (page_3_image_1.png), with links to "
        "them in Markdown, HTML and JSON. Recognised scans are not such pictures."
    )
    tables: TableFileOptions | None = optional(
        "Keep each table as a CSV file of the job (page_3_table_1.csv). A table over several pages "
        "is one file, named after its first page."
    )
    annotations: bool = Field(
        default=False,
        description="Add the annotations of the pages, such as comments and marked text.",
    )
    chunks: ChunkOptions | None = optional(
        "Add the text as chunks for retrieval, each with its headings, pages and boxes."
    )
    fields: JsonObject | None = optional(
        "A JSON Schema of an object, which the language model fills in from the text.",
        json_schema_extra=_object_schema,
    )
    template: str | None = optional(
        "The name of a template to apply to the text; give this or template_content.",
        pattern=r"^[\w-]{1,64}$",
    )
    template_content: str | None = optional(
        "The text of a template, instead of a name.", min_length=1, max_length=200_000
    )
    context: JsonObject = Field(
        default={},
        description=(
            "Values for the names in the template. openai_vision also uses the values "
            "document_type (scientific_paper, presentation, technical_document) and language."
        ),
    )
    target_language: str | None = optional(
        "The language of the filled template, by its ISO 639-1 code.",
        pattern=r"^[A-Za-z]{2}(-[A-Za-z0-9]{2,8})*$",
    )
    use_cache: bool = Field(
        default=True,
        description=(
            "Use pages that were read before, from any file with the same content, and keep the "
            "pages that are read now. False: the job neither uses nor keeps cached pages."
        ),
    )
    force_refresh: bool = Field(
        default=False,
        description="Read all pages again, even if the cache has them, and keep the new ones.",
    )

    @property
    def outputs(self) -> list[Output]:
        """All outputs of the job."""
        return self.output if isinstance(self.output, list) else [self.output]

    @property
    def text_output(self) -> TextOutput:
        """The form of the text in the result."""
        return next((output for output in self.outputs if output != "pdf"), "text")

    @property
    def is_searchable(self) -> bool:
        """Whether the job makes a searchable PDF."""
        return "pdf" in self.outputs

    @property
    def has_template(self) -> bool:
        """Whether a template is applied to the text."""
        return self.template is not None or self.template_content is not None

    @property
    def needs_transformer(self) -> bool:
        """Whether the text is given to a template or a language model after it is read."""
        return self.has_template or bool(self.fields)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        check_one_source(self)
        if self.page_end is not None and self.page_end < self.page_start:
            raise ValueError("page_end is before page_start")
        if self.template is not None and self.template_content is not None:
            raise ValueError("only one of template and template_content may be given")
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError("output has an item twice")
        self._check_fields()
        self._check_method()
        return self

    def _check_fields(self) -> None:
        if self.fields is None:
            return
        if self.fields.get("type") != "object" or not self.fields.get("properties"):
            raise ValueError("fields must be a JSON Schema of the type object with properties")

    def _check_method(self) -> None:
        if self.extraction_method in REMOTE_METHODS:
            given = {name for name in LOCAL_ONLY if getattr(self, name) is not None}
            if fault := remote_fault(self.output, given):
                raise ValueError(fault)
