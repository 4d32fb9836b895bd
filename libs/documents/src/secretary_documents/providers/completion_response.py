"""Reads the answer of a language model from the response of its server. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.providers.response import (
    LONGEST_REASON,
    InvalidResponse,
    ResponseModel,
    unavailable,
)

# Reasoning models on self-hosted servers put their thoughts before the answer. One pattern for
# beginning and end would read the rest of the answer again at each beginning.
_THOUGHT_BEGIN = re.compile(r"<think(?:ing)?>")
_THOUGHT_END = re.compile(r"</think(?:ing)?>")


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer of a model."""

    text: str
    finish_reason: str
    model: str
    prompt_tokens: int
    """The tokens of the prompt; 0 if the server does not report them."""
    completion_tokens: int
    refusal: str | None = None


class _Message(ResponseModel):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None


class _Choice(ResponseModel):
    message: _Message
    finish_reason: str | None = None


class _Body(ResponseModel):
    choices: list[_Choice]
    model: str | None = None
    usage: Any = None


def parse_completion(provider: str, body: JsonObject, model: str) -> Completion:
    """Return the completion in the response *body* of *provider*; *model* is the requested model.

    Raises:
        PermanentError: PROVIDER_INVALID_ANSWER.
    """
    try:
        parsed = _Body.model_validate(body)
        choice = parsed.choices[0]
    except (ValidationError, IndexError):
        raise InvalidResponse(provider, "it is not a chat completion") from None
    usage = parsed.usage if isinstance(parsed.usage, dict) else {}
    return Completion(
        text=_without_thought(_text(choice.message.content)),
        finish_reason=choice.finish_reason or "stop",
        model=parsed.model or model,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        refusal=choice.message.refusal or None,
    )


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    # Mistral's reasoning models return parts: first the thoughts, then the text.
    return "".join(str(part.get("text") or "") for part in content if part.get("type") == "text")


def _without_thought(text: str) -> str:
    """Return *text* without the model's thoughts, with which it may begin.

    The same marks further on belong to the answer, such as a page about models.
    """
    answer = text.lstrip()
    begin = _THOUGHT_BEGIN.match(answer)
    end = _THOUGHT_END.search(answer, begin.end()) if begin else None
    return text if end is None else answer[end.end() :].lstrip()


def _count(value: Any) -> int:
    """Return *value* as a number of tokens; 0 if it is not a number."""
    return max(value, 0) if isinstance(value, int) else 0


def check_complete(provider: str, completion: Completion) -> None:
    """Check that the model of *provider* answered, and that the answer is complete.

    Raises:
        PermanentError: LLM_REFUSED or LLM_OUTPUT_TRUNCATED.
        TransientError: PROVIDER_UNAVAILABLE, the model failed in the middle of the answer.
    """
    if completion.finish_reason == "error":
        raise unavailable(provider, "its model failed in the middle of the answer")
    if completion.refusal or completion.finish_reason == "content_filter":
        said = " ".join((completion.refusal or "its content filter applied").split())
        message = f"the model refuses to answer: {said[:LONGEST_REASON]}"
        raise PermanentError(message, code=ErrorCode.LLM_REFUSED)
    if completion.finish_reason in ("length", "max_tokens", "model_length"):
        message = "the model's answer is longer than its limit, and was cut"
        raise PermanentError(message, code=ErrorCode.LLM_OUTPUT_TRUNCATED)
