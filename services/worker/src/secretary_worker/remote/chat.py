"""What is asked of a language model, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from secretary_common.models import JsonObject
from secretary_common.resources import ResourceCalculator

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a talk."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a model is asked."""

    messages: tuple[Message, ...]
    schema: JsonObject | None = None
    """The answer is to be an object that fits it; None: text."""
    schema_name: str = "answer"
    model: str | None = None
    """None: the configured one."""
    temperature: float = 0


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a model answered, and what that took."""

    text: str
    data: JsonObject | None
    """Fits the schema, where one was asked for."""
    model: str
    prompt_tokens: int
    completion_tokens: int
    requests: int
    finish_reason: str


class ChatModel(Protocol):
    """Answers chat requests."""

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """The whole answer to *request*; tokens and calls are counted in *resources*.

        Raises:
            PermanentError: LLM_NOT_CONFIGURED; LLM_INVALID_OUTPUT, no fitting object after one
                repair; LLM_REFUSED; LLM_OUTPUT_TRUNCATED.
            TransientError: the provider is not well or takes no more requests for now.
        """
        ...
