"""The step of a job after its text is read: applies a template, and fills in ``fields``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.pdf import progress
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.templates.json_fields import JsonFields
from secretary_documents.templates.transformer import (
    FoundFields,
    TransformRequest,
    TransformResult,
)


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


@dataclass(frozen=True, slots=True)
class TemplateStep:
    """Applies the templates and ``fields`` of jobs. One instance serves all jobs."""

    transformer: TextTransformer | None = None
    """With None, jobs that have a template or ``fields`` fail."""

    def check(self, parameters: PdfParameters) -> None:
        """Refuse a job that this step cannot do. Call this before any page is read.

        Raises:
            PermanentError: TEMPLATES_NOT_CONFIGURED or FIELDS_INVALID.
        """
        if parameters.needs_transformer and self.transformer is None:
            message = (
                "this worker applies no templates: leave out template, template_content, fields"
            )
            raise PermanentError(message, code=ErrorCode.TEMPLATES_NOT_CONFIGURED)
        if parameters.fields:
            JsonFields(parameters.fields)

    async def run(
        self,
        parameters: PdfParameters,
        text: str,
        report: JobReport,
        resources: ResourceCalculator,
    ) -> JsonObject:
        """Return what the template and ``fields`` make of *text*, by the keys of the result.

        Raises:
            PermanentError: the template or the model's answer is faulty.
            TransientError: the model may answer at the next attempt.
        """
        if self.transformer is None or not parameters.needs_transformer:
            report.progress(progress.PAGES_READ)
            return {}
        report.progress(progress.TEMPLATE_NEXT)
        report.progress(progress.TEMPLATE)
        request = _request(parameters, text)
        parts: JsonObject = {}
        if parameters.has_template:
            parts |= template_parts(await self.transformer.transform(request, resources))
        if parameters.fields:
            wanted = JsonFields(parameters.fields)
            found = await self.transformer.fill_in(wanted, request, resources)
            parts |= {"fields": found.data, "fields_llm": found.usage.as_json()}
        return parts


def template_parts(done: TransformResult) -> JsonObject:
    """Return the parts of a result that a template has given: its text, and its fields."""
    template = {
        **(done.template or {}),
        "llm": done.llm,
        "warnings": list(done.warnings),
        "text": done.text,
    }
    return {"template": template, "template_fields": done.fields}


def _request(parameters: PdfParameters, text: str) -> TransformRequest:
    return TransformRequest(
        text=text,
        template=parameters.template,
        template_content=parameters.template_content,
        context=parameters.context,
        target_language=parameters.target_language,
        use_cache=parameters.use_cache and not parameters.force_refresh,
    )
