"""One answer of a language model behind OpenAI's Chat Completions, in whatever dialect it speaks.

OpenAI, Mistral, OpenRouter, Ollama, vLLM and LM Studio speak it, each without this or that: what a
server refuses by name (a strict JSON schema, a JSON object, a temperature) is left out from then
on, for that model.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import TokenPrices
from secretary_documents.providers.call import Call
from secretary_documents.providers.completion_response import (
    Completion,
    check_complete,
    parse_completion,
)
from secretary_documents.providers.provider import Connection
from secretary_documents.providers.response import ProviderRefused

PATH = "/chat/completions"
TEMPERATURE = "temperature"
JSON_SCHEMA = "json_schema"
JSON_OBJECT = "json_object"

_FORMAT_REFUSED = re.compile(
    r"response.?format|json.?(schema|object|mode)|structured.?output", re.IGNORECASE
)
_SCHEMA_REFUSED = re.compile(r"invalid.{0,3}schema", re.IGNORECASE)
_REFUSING = (400, 415, 422, 501)
_NAME = re.compile(r"[^A-Za-z0-9_-]")
_INSTRUCTION = "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What a model is asked."""

    model: str
    messages: Sequence[JsonObject]
    """As they go over the wire: ``{"role", "content"}``."""
    schema: JsonObject | None = None
    schema_name: str = "answer"
    temperature: float = 0.0


class CompletionClient:
    """Asks for completions and remembers what each model's server refuses."""

    def __init__(self, name: str, prices: TokenPrices, priced_model: str) -> None:
        """Prepare to ask.

        Args:
            name: the provider's name in the configuration.
            prices: of *priced_model*; what others cost is not known.
            priced_model: the configured one.
        """
        self._name = name
        self._prices = prices
        self._priced_model = priced_model
        self._refused: defaultdict[str, frozenset[str]] = defaultdict(frozenset)

    async def create(
        self, connection: Connection, request: CompletionRequest, resources: ResourceCalculator
    ) -> Completion:
        """The model's whole answer; its tokens and their cost are counted, come what may.

        Raises:
            PermanentError: LLM_REFUSED, LLM_OUTPUT_TRUNCATED, or what ``Connection.call`` raises.
            TransientError: as there.
        """
        body = await self._ask(connection, request)
        completion = parse_completion(self._name, body, request.model)
        self._count(request.model, completion, resources)
        check_complete(completion)
        return completion

    async def _ask(self, connection: Connection, request: CompletionRequest) -> JsonObject:
        refused = self._refused[request.model]
        while True:
            payload = build_payload(request, refused)
            try:
                return (await connection.call(Call("POST", PATH, payload=payload))).data
            except ProviderRefused as error:
                blamed = blamed_part(error, payload)
                if blamed is None:
                    raise
                refused |= {blamed}
                if not _SCHEMA_REFUSED.search(error.reason):  # of this schema, not of all
                    self._refused[request.model] = refused

    def _count(self, model: str, completion: Completion, resources: ResourceCalculator) -> None:
        prompt, written = completion.prompt_tokens, completion.completion_tokens
        resources.add_tokens(model, prompt=prompt, completion=written)
        if model == self._priced_model:
            cost = self._prices.cost(prompt_tokens=prompt, completion_tokens=written)
            resources.add_cost(model, cost)


def build_payload(request: CompletionRequest, refused: frozenset[str]) -> JsonObject:
    """The body of *request* without the parts in *refused*.

    A schema is given as a strict ``response_format``; else in the system message, with
    ``json_object`` as the format where that is understood.
    """
    payload: JsonObject = {"model": request.model, "messages": list(request.messages)}
    if TEMPERATURE not in refused:
        payload["temperature"] = request.temperature
    if request.schema is None:
        return payload
    if JSON_SCHEMA not in refused:
        name = _NAME.sub("_", request.schema_name)[:64] or "answer"
        wanted = {"name": name, "schema": request.schema, "strict": True}
        payload["response_format"] = {"type": JSON_SCHEMA, JSON_SCHEMA: wanted}
        return payload
    payload["messages"] = _instructed(request.messages, request.schema)
    if JSON_OBJECT not in refused:
        payload["response_format"] = {"type": JSON_OBJECT}
    return payload


def schema_instruction(schema: JsonObject) -> str:
    """In words: one JSON object that fits *schema*."""
    return _INSTRUCTION + json.dumps(schema, ensure_ascii=False)


def blamed_part(error: ProviderRefused, payload: JsonObject) -> str | None:
    """The part of *payload* that the server names in its refusal; None: it means another thing."""
    if error.status not in _REFUSING:
        return None
    if "response_format" in payload and _FORMAT_REFUSED.search(error.reason):
        return str(payload["response_format"]["type"])
    if TEMPERATURE in payload and TEMPERATURE in error.reason.lower():
        return TEMPERATURE
    return None


def _instructed(messages: Sequence[JsonObject], schema: JsonObject) -> list[JsonObject]:
    """*messages* with *schema* in the first system message: some servers take only one."""
    first, rest = messages[0], list(messages[1:])
    if first["role"] == "system":
        return [{**first, "content": f"{first['content']}\n\n{schema_instruction(schema)}"}, *rest]
    return [{"role": "system", "content": schema_instruction(schema)}, first, *rest]
