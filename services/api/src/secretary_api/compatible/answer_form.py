"""How the results of a job are answered. It stands in the job, so that any process can answer."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from secretary_api.compatible.convert_options import (
    OUTPUTS,
    ConvertOptions,
    ImageMode,
    OutputFormat,
)
from secretary_common.models import Job, JsonObject

CONTEXT = "docling"
"""The key in the parameter ``context`` of a job, which only templates use."""
Target = Literal["inbody", "zip"]


class AnswerForm(BaseModel):
    """The parts of a request that concern only its answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    to_formats: list[OutputFormat] = ["md"]
    from_formats: list[str] | None = None
    target: Target = "inbody"
    images: ImageMode = "placeholder"
    page_break: str = ""

    @classmethod
    def of(cls, options: ConvertOptions, target: Target) -> Self:
        """Return the form of the answer to a request."""
        return cls(
            to_formats=sorted(set(options.to_formats)),
            from_formats=options.from_formats,
            target=target,
            images=options.image_export_mode,
            page_break=options.md_page_break_placeholder,
        )

    @classmethod
    def in_job(cls, job: Job) -> Self:
        """Return the form in *job*; a job that was submitted otherwise gets its own outputs."""
        context = job.parameters.get("context")
        stored = context.get(CONTEXT) if isinstance(context, dict) else None
        try:
            if stored is not None:
                return cls.model_validate(stored)
        except ValidationError:
            pass  # a client wrote it
        outputs = job.parameters.get("output", "markdown")
        made = outputs if isinstance(outputs, list) else [outputs]
        formats = [name for name, output in OUTPUTS.items() if output in made]
        return cls(to_formats=formats or ["md"])

    def context(self) -> JsonObject:
        """Return the value of the parameter ``context``."""
        return {CONTEXT: self.model_dump(exclude_defaults=True)}
