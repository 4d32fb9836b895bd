"""The errors of tools, as a model and a program can read them."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError

from secretary_client.error import ApiError, JobFailed, JobNotEnded, Unreachable

P = ParamSpec("P")


class Refusal(Exception):
    """A tool cannot do what it was asked for."""

    def __init__(self, code: str, message: str) -> None:
        """*code* is stable; *message* says what to do."""
        super().__init__(message)
        self.code = code


def refusing(
    tool: Callable[Concatenate[Any, P], Awaitable[CallToolResult]],
) -> Callable[Concatenate[Any, P], Awaitable[CallToolResult]]:
    """Return *tool*, which then reports its expected errors as results instead of raising them."""

    @functools.wraps(tool)
    async def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        try:
            return await tool(self, *args, **kwargs)
        except (ApiError, JobFailed, JobNotEnded, OSError, Refusal, Unreachable) as error:
            return result_of(error)
        except ValueError as error:  # of the client, which takes no such id or parameter
            return result_of(Refusal("VALIDATION_ERROR", str(error)))

    return run


def refusal_of(error: ToolError) -> Refusal:
    """Return why a call was refused before its tool ran: wrong arguments, or no such tool."""
    wrong = error.__cause__
    if not isinstance(wrong, ValidationError):
        return Refusal("VALIDATION_ERROR", str(error))
    fields = (
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
        for one in wrong.errors(include_url=False, include_input=False)
    )
    return Refusal("VALIDATION_ERROR", "; ".join(fields))


def result_of(error: Exception) -> CallToolResult:
    """Return the result of a call that ended with *error*."""
    known = _described(error)
    text = TextContent(type="text", text=f"{known['code']}: {known['message']}")
    return CallToolResult(content=[text], structured_content={"error": known}, is_error=True)


def _described(error: Exception) -> dict[str, Any]:
    if isinstance(error, ApiError):
        return {"code": error.code, "message": error.message, "details": error.details}
    if isinstance(error, JobFailed):
        job = error.job
        reason = job["error"] or {"code": job["status"].upper(), "message": str(error)}
        return {"code": reason["code"], "message": reason["message"], "job_id": job["job_id"]}
    if isinstance(error, JobNotEnded):
        return {"code": "JOB_NOT_ENDED", "message": str(error), "job_id": error.job_id}
    if isinstance(error, Refusal):
        return {"code": error.code, "message": str(error)}
    code = "UNREACHABLE" if isinstance(error, Unreachable) else "FILE_NOT_READABLE"
    return {"code": code, "message": str(error)}
