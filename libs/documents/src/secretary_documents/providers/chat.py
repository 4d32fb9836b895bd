"""Asks a language model, for text or for an object that fits a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import LlmSection
from secretary_documents.providers.completion import (
    CompletionClient,
    CompletionRequest,
    schema_instruction,
)
from secretary_documents.providers.completion_response import Completion
from secretary_documents.providers.provider import Connection, Provider, Timing
from secretary_documents.providers.structure import Reading, read_object

# Of an answer that does not fit, shown to the model again so that it can mend it.
LONGEST_REPEATED = 20_000

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
    """Of all requests; 0 where the server does not tell."""
    completion_tokens: int
    requests: int
    """2: the first answer did not fit."""
    finish_reason: str


class ChatModel(Protocol):
    """Answers chat requests."""

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """The whole answer to *request*; tokens, calls and cost are counted in *resources*.

        Raises:
            PermanentError: LLM_NOT_CONFIGURED; LLM_INVALID_OUTPUT, no fitting object after one
                repair; LLM_REFUSED; LLM_OUTPUT_TRUNCATED; PROVIDER_…, the request is refused or
                the answer makes no sense.
            TransientError: the provider is not well or takes no more requests for now.
        """
        ...


class ChatClient:
    """A ``ChatModel`` behind OpenAI's Chat Completions. One instance serves all jobs."""

    def __init__(self, section: LlmSection, *, timing: Timing | None = None) -> None:
        self._section = section
        self._provider = Provider(section, timing=timing)
        self._completions = CompletionClient(section.NAME, section, section.model)

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """See ``ChatModel``."""
        self._provider.check_configured(model=request.model)
        talk = _Talk(request.model or self._section.model, request)
        async with self._provider.connected(resources) as connection:
            await self._turn(connection, talk, resources)
            if request.schema is None:
                return talk.answer(None)
            reading = read_object(talk.text, request.schema)
            if reading.problems:
                talk.ask_to_mend(reading, request.schema)
                await self._turn(connection, talk, resources)
                reading = read_object(talk.text, request.schema)
        if reading.problems:
            message = f"the model's answer does not fit, mended once: {reading.problems[0]}"
            details = {"problems": list(reading.problems), "model": talk.model}
            raise PermanentError(message, code=ErrorCode.LLM_INVALID_OUTPUT, details=details)
        return talk.answer(reading.data)

    async def _turn(
        self, connection: Connection, talk: _Talk, resources: ResourceCalculator
    ) -> None:
        talk.completions.append(
            await self._completions.create(connection, talk.request(), resources)
        )


class _Talk:
    """The messages so far, and what came back."""

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

    def ask_to_mend(self, reading: Reading, schema: JsonObject) -> None:
        problems = "\n".join(f"- {problem}" for problem in reading.problems)
        wanted = f"Your answer does not fit:\n{problems}\n\n{schema_instruction(schema)}"
        # An empty turn is refused by some servers.
        said = self.text[:LONGEST_REPEATED] or "(nothing)"
        self._messages += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": wanted},
        ]

    def answer(self, data: JsonObject | None) -> ChatAnswer:
        last = self.completions[-1]
        if data is None and not last.text.strip():
            message = "the model answered nothing"
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
