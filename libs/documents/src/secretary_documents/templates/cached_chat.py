"""Remembers what a model answered: the same question is not paid for twice."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from secretary_common.errors import StoreUnavailable
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_common.runtime.log import get_logger
from secretary_documents.providers.chat import ChatAnswer, ChatModel, ChatRequest

log = get_logger(__name__)

VERSION = 1
"""Raise it when what is kept changes its form."""


class CachedChat:
    """A ``ChatModel`` that asks another one only what it has not been asked before."""

    def __init__(
        self, chat: ChatModel, cache: CacheRepository, *, base_url: str, model: str
    ) -> None:
        """Wire the memory.

        Args:
            chat: who is asked.
            cache: keeps the answers.
            base_url: of the provider: models of one name differ from one to another.
            model: which one answers requests that name none.
        """
        self._chat = chat
        self._cache = cache
        self._provider = {"base_url": base_url.rstrip("/"), "model": model}

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """See ``ChatModel``; an answer that was known took no request and no tokens."""
        key = cache_key(request, **self._provider)
        known = await self._known(key)
        if known is not None:
            return known
        answer = await self._chat.ask(request, resources)
        await self._keep(key, answer)
        return answer

    async def _known(self, key: str) -> ChatAnswer | None:
        try:
            entry = (await self._cache.get_many([key])).get(key)
        except StoreUnavailable:
            return None
        return None if entry is None else _answer_of(entry)

    async def _keep(self, key: str, answer: ChatAnswer) -> None:
        try:
            await self._cache.put_many({key: dataclasses.asdict(answer)})
        except StoreUnavailable:
            log.info("chat.not_cached", reason="MongoDB does not answer")


def cache_key(request: ChatRequest, *, base_url: str, model: str) -> str:
    """The key of *request*: everything the answer depends on, and nothing else."""
    content = {
        "version": VERSION,
        "base_url": base_url,
        "model": request.model or model,
        "messages": [[message.role, message.content] for message in request.messages],
        "schema": request.schema,
        "temperature": request.temperature,
    }
    # The order of a schema's properties is the order the model answers in.
    canonical = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return f"chat:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _answer_of(entry: JsonObject) -> ChatAnswer | None:
    taken = {"prompt_tokens": 0, "completion_tokens": 0, "requests": 0}
    try:
        return ChatAnswer(**{**entry, **taken})
    except TypeError:  # of another version
        return None
