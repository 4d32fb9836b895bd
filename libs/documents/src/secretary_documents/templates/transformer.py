"""Transforms a text by a template: the model finds the fields, then the template is filled in.

A text that is too long for one request is read in parts, and the values found in the parts are
combined. No part of the text is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.providers.chat import ChatModel
from secretary_documents.templates.cached_chat import CachedChat
from secretary_documents.templates.json_fields import JsonFields
from secretary_documents.templates.model_query import LlmUsage, ModelQuery, OnPart
from secretary_documents.templates.rendering import render, render_system
from secretary_documents.templates.template import Field, parse_template
from secretary_documents.templates.template_catalog import NamedTemplate, TemplateCatalog
from secretary_documents.templates.value_type import ValueType
from secretary_documents.templates.wanted import TemplateFields

INLINE = "inline"
"""The name that results show for a template whose text is in the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformRequest:
    """A text and its template. Without a template the text is translated."""

    text: str
    template: str | None = None
    template_content: str | None = None
    context: JsonObject = field(default_factory=dict)
    additional_fields: Mapping[str, str] = field(default_factory=dict)
    """Descriptions of fields by name.

    For a field of the template the text is added to the field's description.
    """
    source_language: str | None = None
    target_language: str | None = None
    model: str | None = None
    use_cache: bool = True

    @property
    def values(self) -> JsonObject:
        """The values of the template's names that are not fields."""
        languages = {
            "source_language": self.source_language,
            "target_language": self.target_language,
        }
        known = {name: value for name, value in languages.items() if value}
        return {**known, **self.context, "text": self.text}


@dataclass(frozen=True, slots=True)
class FoundFields:
    """The values that a model found, and its usage."""

    data: JsonObject = field(default_factory=dict)
    usage: LlmUsage = field(default_factory=LlmUsage)


@dataclass(frozen=True, slots=True)
class TransformResult:
    """The transformed text, with the values, the template and the usage of the model."""

    text: str
    fields: JsonObject
    """The values that the model found for the fields of the template."""
    data: JsonObject
    """The values that the model found for all fields, including additional fields."""
    template: JsonObject | None
    """The name and the SHA-256 of the template; None for a translation."""
    llm: JsonObject
    """Model, requests, tokens, and the number of parts in which the text was read."""
    warnings: tuple[str, ...] = ()


class Transformer:
    """Transforms texts. One instance serves all jobs."""

    def __init__(
        self, catalog: TemplateCatalog, chat: ChatModel, *, cached: CachedChat | None = None
    ) -> None:
        """*cached*: *chat* with a cache, for requests that allow a cache."""
        self._catalog = catalog
        self._chat = chat
        self._cached = cached

    async def load(self, request: TransformRequest) -> NamedTemplate | None:
        """Return the template of *request*; None if the text is only translated.

        Raises:
            PermanentError: TEMPLATE_NOT_FOUND or TEMPLATE_INVALID.
        """
        if request.template_content is not None:
            parsed = await asyncio.to_thread(parse_template, request.template_content)
            return NamedTemplate(INLINE, parsed)
        if request.template is None:
            return None
        return await asyncio.to_thread(
            self._catalog.load, request.template, request.target_language
        )

    async def transform(
        self,
        request: TransformRequest,
        resources: ResourceCalculator,
        on_part: OnPart = lambda _done, _total: None,
    ) -> TransformResult:
        """Transform the text of *request*, and call *on_part* after each part.

        Raises:
            PermanentError: the template, the context or the model's answer is invalid; or
                LLM_NOT_CONFIGURED. A request without fields needs no model.
            TransientError: the model may answer at a later attempt.
        """
        named = await self.load(request)
        if named is not None:
            return fill(named, request, await self.find(named, request, resources, on_part))
        query = self._query(request, resources, on_part)
        text = await query.translate(
            request.text,
            source=request.source_language,
            target=_required(request.target_language),
        )
        return TransformResult(text, {}, {}, None, query.usage.as_json())

    async def find(
        self,
        named: NamedTemplate,
        request: TransformRequest,
        resources: ResourceCalculator,
        on_part: OnPart = lambda _done, _total: None,
    ) -> FoundFields:
        """Return the values of the template's fields and of additional fields in the text.

        Raises:
            PermanentError: the context or the model's answer is invalid; or LLM_NOT_CONFIGURED. A
                request without fields needs no model.
            TransientError: the model may answer at a later attempt.
        """
        query = self._query(request, resources, on_part)
        fields = with_additional(named.template.fields, request.additional_fields)
        if not fields:
            return FoundFields()
        data = await query.find_fields(
            request.text,
            TemplateFields(fields),
            system=render_system(named.template, request.values),
            language=request.target_language,
            context=request.context,
        )
        return FoundFields(data, query.usage)

    async def fill_in(
        self, wanted: JsonFields, request: TransformRequest, resources: ResourceCalculator
    ) -> FoundFields:
        """Return the object *wanted* that the model finds in the text of *request*.

        The template of *request* is not used.

        Raises:
            PermanentError: the model's answer is invalid; or LLM_NOT_CONFIGURED.
            TransientError: the model may answer at a later attempt.
        """
        query = self._query(request, resources, lambda _done, _total: None)
        data = await query.find_fields(
            request.text,
            wanted,
            system=None,
            language=request.target_language,
            context=request.context,
        )
        return FoundFields(data, query.usage)

    def _query(
        self, request: TransformRequest, resources: ResourceCalculator, on_part: OnPart
    ) -> ModelQuery:
        chat = (self._cached if request.use_cache else None) or self._chat
        return ModelQuery(chat, resources, model=request.model, on_part=on_part)


def fill(named: NamedTemplate, request: TransformRequest, found: FoundFields) -> TransformResult:
    """Fill in the template with the values in *found*, and with those of the context.

    Raises:
        PermanentError: TEMPLATE_INVALID, the text would become too large.
    """
    template, data = named.template, found.data
    rendered = render(template, data, request.values)
    own = {one.name: data[one.name] for one in template.fields if one.name in data}
    described = {"name": named.name, "sha256": template.sha256}
    return TransformResult(
        rendered.text, own, data, described, found.usage.as_json(), rendered.warnings
    )


def with_additional(fields: Iterable[Field], additional: Mapping[str, str]) -> tuple[Field, ...]:
    """Return *fields* with the texts of *additional* added to their descriptions.

    Names in *additional* that are not in *fields* become further fields.
    """
    left = dict(additional)
    own = [
        Field(one.name, f"{one.description} {left.pop(one.name)}", one.type)
        if one.name in left
        else one
        for one in fields
    ]
    return (*own, *(Field(name, text, ValueType()) for name, text in left.items()))


def _required(language: str | None) -> str:
    if language is None:
        message = "without a template the text is translated: give target_language"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
    return language
