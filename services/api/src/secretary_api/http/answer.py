"""The answer of a request that succeeded, from plain values."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json
from starlette.responses import Response

from secretary_common.models import JsonObject


def success(
    data: JsonObject, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer with *data* in the envelope.

    The answer is written as pydantic writes a model: times and numbers have the same form.
    """
    content = to_json({"status": "success", "data": data}, inf_nan_mode="null")
    return Response(content, status, headers, media_type="application/json")
