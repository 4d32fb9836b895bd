"""What a ``pdf`` job asks of templates; the template engine answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.handlers.pdf.parameters import PdfParameters


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A text, and the template it is to go through: exactly one of name and content."""

    text: str
    template: str | None
    template_content: str | None
    context: JsonObject
    target_language: str | None
    use_cache: bool


@dataclass(frozen=True, slots=True)
class TransformedText:
    """What came of it."""

    text: str
    """The template, filled."""
    fields: JsonObject
    """What the model found, by field."""
    template: JsonObject
    """Its name, sha256, and what else is to be said of it."""


class TextTransformer(Protocol):
    """Sends text through templates."""

    async def __call__(
        self, request: TextRequest, resources: ResourceCalculator
    ) -> TransformedText:
        """Transform *request*.

        Raises:
            PermanentError: the template or the model's answer is at fault.
            TransientError: the model may answer the next time.
        """
        ...


def wants_template(parameters: PdfParameters) -> bool:
    """Whether the text is to go through a template."""
    return parameters.template is not None or parameters.template_content is not None


def check_template(parameters: PdfParameters, transform: TextTransformer | None) -> None:
    """Refuse a template where none can be applied, before any page is read.

    Raises:
        PermanentError: TEMPLATES_NOT_CONFIGURED.
    """
    if wants_template(parameters) and transform is None:
        message = "this worker applies no templates: leave out template and template_content"
        raise PermanentError(message, code=ErrorCode.TEMPLATES_NOT_CONFIGURED)


def text_request(parameters: PdfParameters, text: str) -> TextRequest:
    """What is asked for *text*."""
    return TextRequest(
        text=text,
        template=parameters.template,
        template_content=parameters.template_content,
        context=parameters.context,
        target_language=parameters.target_language,
        use_cache=parameters.use_cache and not parameters.force_refresh,
    )
