"""Asks a model about one text. A long text is read in parts, and the answers are combined."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.providers.chat import ChatAnswer, ChatModel, ChatRequest, Message
from secretary_documents.templates import prompt
from secretary_documents.templates.text_parts import estimate_tokens, split_text
from secretary_documents.templates.wanted import Wanted

REQUEST_TOKENS = 24_000
"""The most tokens of a request, estimated. Most current models accept at least 32,000."""
LEAST_TEXT_TOKENS = 2_000
"""The least tokens that prompt and context must leave for the text."""
TRANSLATED_TOKENS = 2_500
"""The most tokens to translate in one request. Models limit the length of the answer."""
LEAST_TRANSLATED_TOKENS = 100
"""A text with fewer tokens is not split again."""
PARALLEL = 3
"""The most requests of one job at a time."""

T = TypeVar("T")
R = TypeVar("R")
OnPart = Callable[[int, int], None]
"""Called with the number of finished parts and the number of all parts."""


@dataclass(slots=True)
class LlmUsage:
    """The usage of the model by one job."""

    model: str | None = None
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    parts: int = 0

    def add(self, answer: ChatAnswer) -> None:
        """Add the usage of *answer*."""
        self.model = answer.model
        self.requests += answer.requests
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens

    def as_json(self) -> JsonObject:
        """Return the field ``llm`` of the result."""
        return {
            "model": self.model,
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "parts": self.parts,
        }


class ModelQuery:
    """Asks one model about one text, and counts the usage."""

    def __init__(
        self,
        chat: ChatModel,
        resources: ResourceCalculator,
        *,
        model: str | None,
        on_part: OnPart,
    ) -> None:
        self._chat = chat
        self._resources = resources
        self._model = model
        self._on_part = on_part
        self.usage = LlmUsage()

    async def find_fields(
        self,
        text: str,
        wanted: Wanted,
        *,
        system: str | None,
        language: str | None,
        context: JsonObject,
    ) -> JsonObject:
        """Return the object *wanted* that the model finds in *text*.

        Raises:
            PermanentError: VALIDATION_ERROR, prompt and context leave no room for the text;
                LLM_INVALID_OUTPUT, the values do not fit; or see ``ChatModel.ask``.
            TransientError: see ``ChatModel.ask``.
        """

        def messages(part: str, number: tuple[int, int] | None = None) -> tuple[Message, ...]:
            return prompt.field_messages(
                part, system=system, language=language, context=context, part=number
            )

        parts = split_text(text, self._room(messages("", (1, 1)), wanted))
        self.usage.parts = len(parts)
        if len(parts) == 1:
            return wanted.finished(await self._object(messages(text), wanted))
        numbered = [(part, (number, len(parts))) for number, part in enumerate(parts, 1)]
        partials = await self._each(
            numbered, lambda one: self._object(messages(one[0], one[1]), wanted, partial=True)
        )
        while len(partials) > 1:
            partials = await self._combine(partials, wanted, system, language)
        return wanted.finished(partials[0])

    async def translate(self, text: str, *, source: str | None, target: str) -> str:
        """Return *text* in the language *target*. White space at the ends of parts is kept.

        Raises:
            PermanentError: see ``ChatModel.ask``.
            TransientError: see ``ChatModel.ask``.
        """
        parts = split_text(text, TRANSLATED_TOKENS)
        self.usage.parts = len(parts)
        translated = await self._each(
            parts, lambda part: self._translate_part(part, source, target)
        )
        return "".join(translated)

    async def _translate_part(self, part: str, source: str | None, target: str) -> str:
        core = part.strip()
        if not core:
            return part
        start = part.index(core)
        try:
            messages = prompt.translation_messages(core, source=source, target=target)
            translated = (await self._ask(messages, None)).text.strip()
        except PermanentError as error:
            halves = split_text(core, estimate_tokens(core) // 2 + 1)
            too_small = estimate_tokens(core) < LEAST_TRANSLATED_TOKENS or len(halves) == 1
            if error.code != ErrorCode.LLM_OUTPUT_TRUNCATED or too_small:
                raise
            # The answer was too long, so the part is translated in halves.
            translated = "".join(
                [await self._translate_part(half, source, target) for half in halves]
            )
        return part[:start] + translated + part[start + len(core) :]

    async def _combine(
        self,
        partials: Sequence[JsonObject],
        wanted: Wanted,
        system: str | None,
        language: str | None,
    ) -> list[JsonObject]:
        """Combine neighbouring *partials*. The result has at most half as many, rounded up."""

        def messages(group: Sequence[JsonObject]) -> tuple[Message, ...]:
            return prompt.combine_messages(group, system=system, language=language)

        groups = grouped(partials, self._room(messages(()), wanted))
        return [
            group[0]
            if len(group) == 1
            else await self._object(messages(group), wanted, partial=len(groups) > 1)
            for group in groups
        ]

    async def _object(
        self, messages: tuple[Message, ...], wanted: Wanted, *, partial: bool = False
    ) -> JsonObject:
        schema = wanted.schema(partial=partial)
        for left in range(wanted.repairs, -1, -1):
            answer = await self._ask(messages, schema)
            found = answer.data if answer.data is not None else {}
            problems = wanted.problems(found, partial=partial)
            if not problems:
                return found
            if left:
                messages = (*messages, *prompt.repair_messages(found, problems))
        message = f"the model's answer does not fit: {problems[0]}"
        details = {"problems": problems}
        raise PermanentError(message, code=ErrorCode.LLM_INVALID_OUTPUT, details=details)

    async def _ask(self, messages: tuple[Message, ...], schema: JsonObject | None) -> ChatAnswer:
        request = ChatRequest(
            messages=messages, schema=schema, schema_name="fields", model=self._model
        )
        answer = await self._chat.ask(request, self._resources)
        self.usage.add(answer)
        return answer

    def _room(self, messages: Sequence[Message], wanted: Wanted) -> int:
        """Return the number of tokens that *messages* and *wanted* leave for the text."""
        contents = [message.content for message in messages]
        taken = sum(
            map(estimate_tokens, [*contents, prompt.json_text(wanted.schema(partial=True))])
        )
        room = REQUEST_TOKENS - taken
        if room < LEAST_TEXT_TOKENS:
            message = (
                f"template and context have about {taken} tokens; to leave room for the text, "
                f"they may have at most {REQUEST_TOKENS - LEAST_TEXT_TOKENS}"
            )
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        return room

    async def _each(self, items: Sequence[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
        """Return the result of *ask* for each item, in order. An error cancels the other calls."""
        todo = iter(enumerate(items))
        results: dict[int, R] = {}

        async def work() -> None:
            for index, item in todo:  # shared: each task takes the next item
                results[index] = await ask(item)
                self._on_part(len(results), len(items))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in items[:PARALLEL]:
                    group.create_task(work())
        except ExceptionGroup as errors:  # other errors are similar, or consequences of the first
            raise _first(errors) from None
        return [results[index] for index in range(len(items))]


def grouped(partials: Sequence[JsonObject], max_tokens: int) -> list[list[JsonObject]]:
    """Return neighbouring *partials* in groups of at most *max_tokens* each.

    A group has at least two partials, even if these have more tokens. Only the last group may have
    one partial.
    """
    groups: list[list[JsonObject]] = []
    filled = 0
    for partial in partials:
        size = estimate_tokens(prompt.json_text(partial))
        if groups and (len(groups[-1]) < 2 or filled + size <= max_tokens):  # noqa: PLR2004 - a pair
            groups[-1].append(partial)
            filled += size
        else:
            groups.append([partial])
            filled = size
    return groups


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    error: Exception = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
