"""Asks a language model for text, or for an object that fits a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_documents.providers.completion import (
    CompletionClient,
    CompletionRequest,
    schema_instruction,
)
from secretary_documents.providers.completion_response import Completion
from secretary_documents.providers.connection import OpenClient, ProviderConnection, Timing
from secretary_documents.providers.provider import Provider, open_client
from secretary_documents.providers.structure import CheckedObject, read_object

# For a repair, at most this many characters of an answer that does not fit are sent to the model.
LONGEST_REPEATED = 20_000

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request to a model."""

    messages: tuple[Message, ...]
    schema: JsonObject | None = None
    """A schema that the answer, a JSON object, must fit. With None the answer is text."""
    schema_name: str = "answer"
    model: str | None = None
    """The name of the model; None names the configured model."""
    temperature: float = 0


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """The answer of a model, with its usage."""

    text: str
    data: JsonObject | None
    """The object that fits the schema; None if the request has no schema."""
    model: str
    prompt_tokens: int
    """The tokens of all requests together; 0 if the server does not report them."""
    completion_tokens: int
    requests: int
    """The number of requests; 2 if the first answer did not fit, 0 for a cached answer."""
    finish_reason: str


class ChatModel(Protocol):
    """Answers chat requests."""

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """Return the complete answer to *request*. *resources* counts tokens, requests and cost.

        Raises:
            PermanentError: LLM_NOT_CONFIGURED; LLM_INVALID_OUTPUT, the answer is empty, or does not
                fit after one repair; LLM_REFUSED; LLM_OUTPUT_TRUNCATED; PROVIDER_…, the provider
                refuses the request or its response is invalid.
            TransientError: the provider fails, or accepts no more requests for now.
        """
        ...


class ChatClient:
    """A ``ChatModel`` that uses OpenAI's Chat Completions. One instance serves all jobs."""

    def __init__(
        self,
        section: LlmSection,
        *,
        open_client: OpenClient = open_client,
        timing: Timing | None = None,
    ) -> None:
        self._section = section
        self._provider = Provider(section, open_client=open_client, timing=timing)
        self._completions = CompletionClient(section.NAME, section, section.model)

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """See ``ChatModel``."""
        self._provider.check_configured(model=request.model)
        conversation = _Conversation(request.model or self._section.model, request)
        async with self._provider.connected(resources) as connection:
            await self._turn(connection, conversation, resources)
            if request.schema is None:
                return conversation.answer(None)
            reading = read_object(conversation.text, request.schema)
            if reading.problems:
                conversation.ask_for_repair(reading, request.schema)
                await self._turn(connection, conversation, resources)
                reading = read_object(conversation.text, request.schema)
        if reading.problems:
            message = (
                f"the model's answer does not fit, even after one repair: {reading.problems[0]}"
            )
            details = {"problems": list(reading.problems), "model": conversation.model}
            raise PermanentError(message, code=ErrorCode.LLM_INVALID_OUTPUT, details=details)
        return conversation.answer(reading.data)

    async def _turn(
        self,
        connection: ProviderConnection,
        conversation: _Conversation,
        resources: ResourceCalculator,
    ) -> None:
        conversation.completions.append(
            await self._completions.create(connection, conversation.request(), resources)
        )


class _Conversation:
    """The messages and answers of one request so far."""

    def __init__(self, model: str, request: ChatRequest) -> None:
        self.model = model
        self.completions: list[Completion] = []
        self._asked = request
        self._messages: list[JsonObject] = [
            {"role": message.role, "content": message.content} for message in request.messages
        ]

    @property
    def text(self) -> str:
        return self.completions[-1].text

    def request(self) -> CompletionRequest:
        asked = self._asked
        return CompletionRequest(
            model=self.model,
            messages=tuple(self._messages),
            schema=asked.schema,
            schema_name=asked.schema_name,
            temperature=asked.temperature,
        )

    def ask_for_repair(self, reading: CheckedObject, schema: JsonObject) -> None:
        problems = "\n".join(f"- {problem}" for problem in reading.problems)
        wanted = f"Your answer does not fit:\n{problems}\n\n{schema_instruction(schema)}"
        # Some servers refuse an empty message.
        said = self.text[:LONGEST_REPEATED] or "(nothing)"
        self._messages += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": wanted},
        ]

    def answer(self, data: JsonObject | None) -> ChatAnswer:
        last = self.completions[-1]
        if data is None and not last.text.strip():
            message = "the model's answer is empty"
            raise PermanentError(message, code=ErrorCode.LLM_INVALID_OUTPUT)
        return ChatAnswer(
            text=last.text,
            data=data,
            model=last.model,
            prompt_tokens=sum(one.prompt_tokens for one in self.completions),
            completion_tokens=sum(one.completion_tokens for one in self.completions),
            requests=len(self.completions),
            finish_reason=last.finish_reason,
        )
