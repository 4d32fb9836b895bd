"""A cache of a model's answers, so that a repeated request need not be paid for again."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_documents.providers.chat import ChatAnswer, ChatModel, ChatRequest

VERSION = 1
"""Raise this number when the form of the cached entries changes."""


class CachedChat:
    """A ``ChatModel`` with a cache. It passes requests without a cached answer to a model."""

    def __init__(
        self, chat: ChatModel, cache: CacheRepository, *, base_url: str, model: str
    ) -> None:
        """Wire the cache to the model.

        Args:
            chat: answers requests that are not in the cache.
            cache: keeps answers. It raises nothing; if MongoDB fails, each lookup is a miss.
            base_url: the provider's address. Models of the same name differ between providers.
            model: the name of the model that answers requests without a model.
        """
        self._chat = chat
        self._cache = cache
        self._provider = {"base_url": base_url.rstrip("/"), "model": model}

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """See ``ChatModel``. A cached answer reports no request and no tokens."""
        key = cache_key(request, **self._provider)
        entry = (await self._cache.get_many([key])).get(key)
        if entry is not None and (cached := _answer_of(entry)):
            return cached
        answer = await self._chat.ask(request, resources)
        await self._cache.put_many({key: dataclasses.asdict(answer)})
        return answer


def cache_key(request: ChatRequest, *, base_url: str, model: str) -> str:
    """Return the cache key of *request*, made of everything on which the answer depends."""
    content = {
        "version": VERSION,
        "base_url": base_url,
        "model": request.model or model,
        "messages": [[message.role, message.content] for message in request.messages],
        "schema": request.schema,
        "temperature": request.temperature,
    }
    # Keys are not sorted: a model answers in the order of the schema's properties.
    canonical = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return f"chat:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _answer_of(entry: JsonObject) -> ChatAnswer | None:
    used = {"prompt_tokens": 0, "completion_tokens": 0, "requests": 0}
    try:
        return ChatAnswer(**{**entry, **used})
    except TypeError:  # the entry has the fields of another version
        return None
