"""The parameters of a ``transformer`` job."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from secretary_common.models import JsonObject
from secretary_documents.handlers.parameter import (
    FROZEN,
    Language,
    SourceLanguage,
    TemplateName,
    Url,
    optional,
    optional_model,
)

_FIELD_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
FieldName = Annotated[str, Field(pattern=_FIELD_NAME)]
Description = Annotated[str, Field(min_length=1, max_length=5000)]

_WAYS: list[JsonObject] = [
    {"required": [way]} for way in ("template", "template_content", "target_language")
]


class TransformerParameters(BaseModel):
    """The text to transform, and its template or its target language."""

    model_config = ConfigDict(
        **FROZEN,
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["url"]}],
            "anyOf": list(_WAYS),
            "not": {"required": ["template", "template_content"]},
        },
    )

    text: str | None = optional(
        "The text itself; give this or url.",
        min_length=1,
        pattern=r"\S",  # not only white space
    )
    url: Url | None = optional(
        "A page, http or https. The job uses its readable text with its links. Give this or text."
    )
    template: TemplateName | None = optional(
        "The name of a template (GET /api/templates); target_language selects its language. "
        "Without template and template_content the text is translated."
    )
    template_content: str | None = optional(
        "The text of a template: Markdown with {{name|what to find}} and {{name}}.",
        min_length=1,
        max_length=262_144,
    )
    context: JsonObject = Field(
        default={}, description="Values for the names of the template. The model gets them too."
    )
    additional_field_descriptions: dict[FieldName, Description] = Field(
        default={},
        max_length=50,
        json_schema_extra={"propertyNames": {"pattern": _FIELD_NAME}},
        description=(
            "Descriptions of additional fields, by name. structured_data has their values. For a "
            "field of the template the text is added to the field's description."
        ),
    )
    source_language: SourceLanguage | None = optional(
        "The language of the text, by ISO 639-1, or auto."
    )
    target_language: Language | None = optional(
        "The language of the result, by ISO 639-1; required without a template."
    )
    model: str | None = optional_model()
    use_cache: bool = Field(
        default=True, description="Whether cached answers of the model may be used."
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.text is None) == (self.url is None):
            raise ValueError("exactly one of text and url is needed")
        if self.template is not None and self.template_content is not None:
            raise ValueError("template and template_content exclude each other")
        if (self.template or self.template_content or self.target_language) is None:
            raise ValueError("template, template_content or target_language is needed")
        return self
