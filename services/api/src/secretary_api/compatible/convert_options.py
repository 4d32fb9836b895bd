"""The options of a conversion, as docling-serve's clients send them, and the job that they mean."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from secretary_api.compatible.ocr_language import tesseract_name
from secretary_api.schemas.submission import MONTH_SEC
from secretary_common.models import JsonObject

OutputFormat = Literal["md", "json", "html", "text"]
ImageMode = Literal["placeholder", "embedded", "referenced"]
OUTPUTS: dict[OutputFormat, str] = {
    "md": "markdown",
    "json": "json",
    "html": "html",
    "text": "text",
}
"""The output of a job for each format."""
MOST_PICTURES = 500
LAST_PAGE = 1_000_000
_ENGINES = ("tesseract", "rapidocr")
_NEED_MODELS = (
    "do_code_enrichment",
    "do_formula_enrichment",
    "do_picture_classification",
    "do_picture_description",
    "do_chart_extraction",
)
"""What docling does with models that this service does not have."""


def _listed(value: Any) -> Any:
    """Return a list for one value, for a JSON list and for ``a,b``, as clients send in forms."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except RecursionError:
            raise ValueError("is nested too deeply") from None
    return [part.strip() for part in value.split(",")]


def _flat(value: Any) -> Any:
    """Return one list for a list whose items may be lists, as text."""
    value = _listed(value)
    if not isinstance(value, list):
        return value
    parts = [_listed(one) for one in value]
    return [item for part in parts for item in (part if isinstance(part, list) else [part])]


Flat = BeforeValidator(_flat)


class ConvertOptions(BaseModel):
    """The options that change what is read or answered. Others are ignored, some are refused."""

    model_config = ConfigDict(extra="allow")

    to_formats: Annotated[list[OutputFormat], Flat] = Field(default=["md"], min_length=1)
    from_formats: Annotated[list[str], Flat] | None = None
    image_export_mode: ImageMode = "placeholder"
    do_ocr: bool = True
    force_ocr: bool = False
    ocr_engine: str = "auto"
    ocr_preset: str | None = None
    ocr_lang: Annotated[list[str], Flat] | None = None
    page_range: Annotated[tuple[int, int], Flat] = (1, LAST_PAGE)
    document_timeout: float | None = Field(default=None, gt=0, le=MONTH_SEC)
    pipeline: Literal["standard", "legacy"] = "standard"
    md_page_break_placeholder: str = Field(default="", max_length=1000)

    @field_validator("page_range")
    @classmethod
    def _ordered(cls, value: tuple[int, int]) -> tuple[int, int]:
        first, last = value
        if not 1 <= first <= last or first > LAST_PAGE:
            raise ValueError("must be a first and a last page, from 1")
        return first, min(last, LAST_PAGE)

    @field_validator("ocr_lang")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        names = [tesseract_name(one) for one in value or [] if one not in ("", "auto", "mul")]
        if None in names:
            raise ValueError("must be language tags, such as de or pt-BR")
        return list(dict.fromkeys(name for name in names if name))[:8] or None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name in _NEED_MODELS:
            if str((self.model_extra or {}).get(name, False)).lower() in ("true", "1", "yes"):
                raise ValueError(f"{name} is not supported by this service")
        return self

    def outputs(self) -> list[str]:
        """Return the outputs of the job; the text of its results has the form of the first one."""
        formats = sorted(set(self.to_formats), key=("md", "text", "html", "json").index)
        return [OUTPUTS[one] for one in formats]

    def parameters(self) -> JsonObject:
        """Return the parameters of a ``document`` job, without its source."""
        first, last = self.page_range
        wanted: JsonObject = {
            "extraction_method": self._method(),
            "output": self.outputs(),
            "attachments": False,
            "page_start": first,
        }
        if last < LAST_PAGE:
            wanted["page_end"] = last
        if self.ocr_lang:
            wanted["language"] = self.ocr_lang
        if (engine := self._engine()) is not None:
            wanted["ocr_engine"] = engine
        if self.image_export_mode != "placeholder":
            wanted["pictures"] = {"max_count": MOST_PICTURES}
        return wanted

    def _method(self) -> str:
        if self.force_ocr:
            return "ocr"
        return "combined" if self.do_ocr else "native"

    def _engine(self) -> str | None:
        named = (self.ocr_preset or self.ocr_engine).lower()
        return next((one for one in _ENGINES if named.startswith(one)), None)
