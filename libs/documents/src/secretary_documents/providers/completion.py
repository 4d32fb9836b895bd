"""Asks a language model for one answer by OpenAI's Chat Completions interface.

OpenAI, Mistral, OpenRouter, Ollama, vLLM and LM Studio offer this interface, but most of them lack
some part of it: a strict JSON schema, a JSON object or a temperature. If a server's error names
such a part, the request is repeated without this part. Later requests for the same model leave the
part out too, unless the error is about one schema.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import TokenPrices
from secretary_documents.providers.completion_response import (
    Completion,
    check_complete,
    parse_completion,
)
from secretary_documents.providers.connection import ProviderConnection, ProviderRequest
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
    """A request to a model."""

    model: str
    messages: Sequence[JsonObject]
    """The messages as they are sent: ``{"role", "content"}``."""
    schema: JsonObject | None = None
    schema_name: str = "answer"
    temperature: float = 0.0


class CompletionClient:
    """Asks for completions, and remembers which parts of a request the server refuses."""

    def __init__(self, name: str, prices: TokenPrices, priced_model: str) -> None:
        """Prepare the client.

        Args:
            name: the provider's name in the configuration.
            prices: the prices of *priced_model*. The prices of other models are unknown.
            priced_model: the configured model.
        """
        self._name = name
        self._prices = prices
        self._priced_model = priced_model
        self._refused: defaultdict[str, frozenset[str]] = defaultdict(frozenset)

    async def create(
        self,
        connection: ProviderConnection,
        request: CompletionRequest,
        resources: ResourceCalculator,
    ) -> Completion:
        """Return the model's complete answer. Tokens and cost of an incomplete answer count too.

        Raises:
            PermanentError: LLM_REFUSED, LLM_OUTPUT_TRUNCATED; or see ``ProviderConnection.send``.
            TransientError: the model failed in the middle of the answer; or see
                ``ProviderConnection.send``.
        """
        body = await self._ask(connection, request)
        completion = parse_completion(self._name, body, request.model)
        self._count(request.model, completion, resources)
        check_complete(self._name, completion)
        return completion

    async def _ask(self, connection: ProviderConnection, request: CompletionRequest) -> JsonObject:
        refused = self._refused[request.model]
        while True:
            payload = build_payload(request, refused)
            try:
                sent = ProviderRequest("POST", PATH, payload=payload)
                return (await connection.send(sent)).data
            except ProviderRefused as error:
                part = refused_part(error, payload)
                if part is None:
                    raise
                refused |= {part}
                if not _SCHEMA_REFUSED.search(error.reason):  # else only this schema is refused
                    self._refused[request.model] = refused

    def _count(self, model: str, completion: Completion, resources: ResourceCalculator) -> None:
        prompt, written = completion.prompt_tokens, completion.completion_tokens
        resources.add_tokens(model, prompt=prompt, completion=written)
        if model == self._priced_model:
            cost = self._prices.cost(prompt_tokens=prompt, completion_tokens=written)
            resources.add_cost(model, cost)


def build_payload(request: CompletionRequest, refused: frozenset[str]) -> JsonObject:
    """Return the body of *request* without the parts in *refused*.

    A schema is sent as a strict ``response_format``. If that is refused, the system message
    contains the schema, and the format is ``json_object`` unless that is refused too.
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
    """Return the instruction to answer with one JSON object that fits *schema*."""
    return _INSTRUCTION + json.dumps(schema, ensure_ascii=False)


def refused_part(error: ProviderRefused, payload: JsonObject) -> str | None:
    """Return the part of *payload* that the server's *error* names; None if it names no part."""
    if error.status not in _REFUSING:
        return None
    if "response_format" in payload and _FORMAT_REFUSED.search(error.reason):
        return str(payload["response_format"]["type"])
    if TEMPERATURE in payload and TEMPERATURE in error.reason.lower():
        return TEMPERATURE
    return None


def _instructed(messages: Sequence[JsonObject], schema: JsonObject) -> list[JsonObject]:
    """Return *messages* with *schema* in the only system message: some servers refuse a second."""
    first, rest = messages[0], list(messages[1:])
    if first["role"] == "system":
        return [{**first, "content": f"{first['content']}\n\n{schema_instruction(schema)}"}, *rest]
    return [{"role": "system", "content": schema_instruction(schema)}, first, *rest]
