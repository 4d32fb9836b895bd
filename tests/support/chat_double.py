"""A language model for tests: it answers as it is told and keeps what it was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_documents.providers.chat import ChatAnswer, ChatClient, ChatRequest
from secretary_documents.templates.text_parts import estimate_tokens

DOCUMENT = re.compile(
    r"<<<(?:document|parts) \w+>>>\n(.*)\n<<<end of (?:document|parts) \w+>>>", re.DOTALL
)


def no_model() -> ChatClient:
    """The model where none is configured."""
    return ChatClient(LlmSection())


Answer = Callable[[ChatRequest], Any]


def document_of(request: ChatRequest) -> str:
    """What the model is given to read."""
    match = DOCUMENT.fullmatch(request.messages[-1].content)
    assert match
    return match[1]


def system_of(request: ChatRequest) -> str:
    """What the model is told to do."""
    assert request.messages[0].role == "system"
    return request.messages[0].content


@dataclass
class ChatDouble:
    """Answers each request with what *answer* makes of it: an object, a text or an exception."""

    answer: Answer
    asked: list[ChatRequest] = field(default_factory=list)

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        self.asked.append(request)
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        tokens = sum(estimate_tokens(message.content) for message in request.messages)
        resources.add_api_calls()
        resources.add_tokens("m-1", prompt=tokens, completion=1)
        return ChatAnswer(
            text=answer if isinstance(answer, str) else "",
            data=None if isinstance(answer, str) else answer,
            model=request.model or "m-1",
            prompt_tokens=tokens,
            completion_tokens=1,
            requests=1,
            finish_reason="stop",
        )


class CacheDouble:
    """Keeps everything (``ports.CacheRepository``)."""

    def __init__(self) -> None:
        self.entries: dict[str, JsonObject] = {}

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        return {key: self.entries[key] for key in keys if key in self.entries}

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        self.entries.update(entries)
