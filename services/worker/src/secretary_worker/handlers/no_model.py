"""Stands in for a model where none is configured."""

from __future__ import annotations

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.resources import ResourceCalculator
from secretary_worker.remote.chat import ChatAnswer, ChatRequest


class NoModel:
    """A ``ChatModel`` that says which setting is missing."""

    async def ask(self, request: ChatRequest, resources: ResourceCalculator) -> ChatAnswer:
        """Answers nothing.

        Raises:
            PermanentError: LLM_NOT_CONFIGURED.
        """
        del request, resources
        message = "no language model is configured: set llm.api_key and llm.model"
        raise PermanentError(message, code=ErrorCode.LLM_NOT_CONFIGURED)
