"""Sends a text through a template: the model finds the fields, the template is filled in.

What is too long for one request is read in parts, and what was found in them is combined; nothing
is ever left out silently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.providers.chat import ChatModel
from secretary_documents.templates.cached_chat import CachedChat
from secretary_documents.templates.model_query import LlmUsage, ModelQuery, OnPart
from secretary_documents.templates.rendering import render, render_system
from secretary_documents.templates.template import Field, parse_template
from secretary_documents.templates.template_catalog import NamedTemplate, TemplateCatalog
from secretary_documents.templates.value_type import ValueType

INLINE = "inline"
"""What a template is called that came with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformRequest:
    """A text, and what is to become of it; with no template it is translated."""

    text: str
    template: str | None = None
    template_content: str | None = None
    context: JsonObject = field(default_factory=dict)
    additional_fields: Mapping[str, str] = field(default_factory=dict)
    """Descriptions by name; of a field the template has: what is to be added to its own."""
    source_language: str | None = None
    target_language: str | None = None
    model: str | None = None
    use_cache: bool = True

    @property
    def values(self) -> JsonObject:
        """What the names of a template stand for, besides its fields."""
        languages = {
            "source_language": self.source_language,
            "target_language": self.target_language,
        }
        known = {name: value for name, value in languages.items() if value}
        return {**known, **self.context, "text": self.text}


@dataclass(frozen=True, slots=True)
class FoundFields:
    """What a model found, and what that took."""

    data: JsonObject = field(default_factory=dict)
    usage: LlmUsage = field(default_factory=LlmUsage)


@dataclass(frozen=True, slots=True)
class TransformResult:
    """What came of a text."""

    text: str
    fields: JsonObject
    """What the model found for the fields of the template."""
    data: JsonObject
    """The same, and what was found for additional fields."""
    template: JsonObject | None
    """Its name and sha256; None after a translation."""
    llm: JsonObject
    """Model, requests and tokens; parts, in how many the text was read."""
    warnings: tuple[str, ...] = ()


class Transformer:
    """Transforms texts. One instance serves all jobs."""

    def __init__(
        self, folder: TemplateCatalog, chat: ChatModel, *, cached: CachedChat | None = None
    ) -> None:
        """*cached*: the same *chat* with a memory, for requests that may use it."""
        self._folder = folder
        self._chat = chat
        self._cached = cached

    async def load(self, request: TransformRequest) -> NamedTemplate | None:
        """The template of *request*; None: it is to be translated.

        Raises:
            PermanentError: TEMPLATE_NOT_FOUND or TEMPLATE_INVALID.
        """
        if request.template_content is not None:
            parsed = await asyncio.to_thread(parse_template, request.template_content)
            return NamedTemplate(INLINE, parsed)
        if request.template is None:
            return None
        return await asyncio.to_thread(self._folder.load, request.template, request.target_language)

    async def transform(
        self,
        request: TransformRequest,
        resources: ResourceCalculator,
        on_part: OnPart = lambda _done, _total: None,
    ) -> TransformResult:
        """Do what *request* says; *on_part* is told how many of how many parts are done.

        Raises:
            PermanentError: the template, the context or the model's answer is at fault, or there
                is no model (LLM_NOT_CONFIGURED); without fields none is needed.
            TransientError: the model may answer the next time.
        """
        named = await self.load(request)
        if named is not None:
            return fill(named, request, await self.find(named, request, resources, on_part))
        inquiry = self._inquiry(request, resources, on_part)
        text = await inquiry.translation(
            request.text,
            source=request.source_language,
            target=_required(request.target_language),
        )
        return TransformResult(text, {}, {}, None, inquiry.usage.as_json())

    async def find(
        self,
        named: NamedTemplate,
        request: TransformRequest,
        resources: ResourceCalculator,
        on_part: OnPart = lambda _done, _total: None,
    ) -> FoundFields:
        """What the text says of the fields of the template and of additional ones.

        Raises:
            PermanentError: the context or the model's answer is at fault, or there is no model
                (LLM_NOT_CONFIGURED); without fields none is needed.
            TransientError: the model may answer the next time.
        """
        inquiry = self._inquiry(request, resources, on_part)
        fields = with_additional(named.template.fields, request.additional_fields)
        if not fields:
            return FoundFields()
        data = await inquiry.fields(
            request.text,
            fields,
            system=render_system(named.template, request.values),
            language=request.target_language,
            context=request.context,
        )
        return FoundFields(data, inquiry.usage)

    def _inquiry(
        self, request: TransformRequest, resources: ResourceCalculator, on_part: OnPart
    ) -> ModelQuery:
        chat = (self._cached if request.use_cache else None) or self._chat
        return ModelQuery(chat, resources, model=request.model, on_part=on_part)


def fill(named: NamedTemplate, request: TransformRequest, found: FoundFields) -> TransformResult:
    """The template with what was *found*; with nothing found it stands on the context alone.

    Raises:
        PermanentError: TEMPLATE_INVALID, it would become too large.
    """
    template, data = named.template, found.data
    rendered = render(template, data, request.values)
    own = {one.name: data[one.name] for one in template.fields if one.name in data}
    described = {"name": named.name, "sha256": template.sha256}
    return TransformResult(
        rendered.text, own, data, described, found.usage.as_json(), rendered.warnings
    )


def with_additional(fields: Iterable[Field], additional: Mapping[str, str]) -> tuple[Field, ...]:
    """*fields* with what *additional* says of them, then those they do not have."""
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
        message = "a translation needs target_language; or name a template"
        raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
    return language
