"""A language model for tests: it gives prepared answers and keeps the requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_documents.providers.chat import ChatAnswer, ChatClient, ChatRequest
from secretary_documents.templates.text_parts import estimate_tokens

DOCUMENT = re.compile(
    r"<<<(?:document|parts) \w+>>>\n(.*)\n<<<end of (?:document|parts) \w+>>>", re.DOTALL
)


def no_model() -> ChatClient:
    """Return the client of a model that is not configured."""
    return ChatClient(LlmSection())


Answer = Callable[[ChatRequest], Any]


def document_of(request: ChatRequest) -> str:
    """Return the document in *request*."""
    match = DOCUMENT.fullmatch(request.messages[-1].content)
    assert match
    return match[1]


def system_of(request: ChatRequest) -> str:
    """Return the instructions in *request*."""
    assert request.messages[0].role == "system"
    return request.messages[0].content


@dataclass
class ChatDouble:
    """Answers each request with the result of *answer*: an object, a text or an exception."""

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
    """A ``CacheRepository`` in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, JsonObject] = {}

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        return {key: self.entries[key] for key in keys if key in self.entries}

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        self.entries.update(entries)
