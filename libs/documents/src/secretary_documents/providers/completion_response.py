"""What a model answered, in the answer of its server. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_documents.providers.response import LONGEST_REASON, InvalidResponse

# What reasoning models of one's own servers put before their answer.
# Two patterns: one for both would read the rest of the answer again at each beginning.
_THOUGHT_BEGIN = re.compile(r"<think(?:ing)?>")
_THOUGHT_END = re.compile(r"</think(?:ing)?>")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered."""

    text: str
    finish_reason: str
    model: str
    prompt_tokens: int
    """0 where the server does not tell."""
    completion_tokens: int
    refusal: str | None = None


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Message(_Lenient):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None


class _Choice(_Lenient):
    message: _Message
    finish_reason: str | None = None


class _Body(_Lenient):
    choices: list[_Choice]
    model: str | None = None
    usage: Any = None


def parse_completion(provider: str, body: JsonObject, model: str) -> Completion:
    """The completion in the answer *body* of *provider*, which was asked for *model*.

    Raises:
        PermanentError: PROVIDER_INVALID_ANSWER.
    """
    try:
        parsed = _Body.model_validate(body)
        choice = parsed.choices[0]
    except (ValidationError, IndexError):
        raise InvalidResponse(provider, "it is no chat completion") from None
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
    # Mistral's reasoning models answer in parts: thinking, then text.
    return "".join(str(part.get("text", "")) for part in content if part.get("type") == "text")


def _without_thought(text: str) -> str:
    """*text* without the first stretch that the model marks as its thinking."""
    begin = _THOUGHT_BEGIN.search(text)
    end = _THOUGHT_END.search(text, begin.end()) if begin else None
    if begin is None or end is None:
        return text
    return text[: begin.start()].rstrip() + text[end.end() :].lstrip()


def _count(value: Any) -> int:
    """A number of tokens; an odd one spoils no answer."""
    return max(value, 0) if isinstance(value, int) else 0


def check_complete(completion: Completion) -> None:
    """Refuse an answer that is none, or only the beginning of one.

    Raises:
        PermanentError: LLM_REFUSED or LLM_OUTPUT_TRUNCATED.
    """
    if completion.refusal or completion.finish_reason == "content_filter":
        said = " ".join((completion.refusal or "its filter of contents applied").split())
        message = f"the model refuses to answer: {said[:LONGEST_REASON]}"
        raise PermanentError(message, code=ErrorCode.LLM_REFUSED)
    if completion.finish_reason in ("length", "max_tokens", "model_length"):
        message = "the model's answer is longer than it may be, and was cut"
        raise PermanentError(message, code=ErrorCode.LLM_OUTPUT_TRUNCATED)
