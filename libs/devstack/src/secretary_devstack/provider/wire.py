"""Parses requests, and sends answers correctly or with a ``Misbehaviour``."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from secretary_devstack.provider.misbehaviour import Misbehaviour

JsonObject = dict[str, Any]
HANG_SEC = 3600.0


@dataclass(frozen=True)
class RecordedRequest:
    """One request that the fake provider received."""

    operation: str
    body: JsonObject
    """The JSON; or the fields of a form as lists, with a file's name in place of its content."""
    file: bytes = b""
    authorization: str = ""


async def read_request(operation: str, request: web.Request) -> RecordedRequest:
    """Return *request*, parsed."""
    authorization = request.headers.get("Authorization", "")
    if request.content_type == "application/json":
        body = await request.json()
        return RecordedRequest(operation, body, authorization=authorization)
    if request.content_type == "multipart/form-data":
        fields, content = await _read_form(request)
        return RecordedRequest(operation, fields, content, authorization)
    return RecordedRequest(
        operation, {**request.query, **request.match_info}, authorization=authorization
    )


async def _read_form(request: web.Request) -> tuple[JsonObject, bytes]:
    fields: defaultdict[str, list[str]] = defaultdict(list)
    content = b""
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader):
            if part.filename:
                content = bytes(await part.read())
            fields[part.name or ""].append(part.filename or await part.text())
    return dict(fields), content


async def send_answer(
    request: web.Request, misbehaviour: Misbehaviour, status: int, body: JsonObject
) -> web.StreamResponse:
    """Answer *request* with *status* and *body*, or fail as *misbehaviour* says."""
    if misbehaviour.hang:
        await asyncio.sleep(HANG_SEC)
    await asyncio.sleep(misbehaviour.delay_sec)
    if misbehaviour.reset:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if misbehaviour.edit is not None:
        body = misbehaviour.edit(body)
    content = json.dumps(body).encode() if misbehaviour.body is None else misbehaviour.body
    response = web.StreamResponse(
        status=misbehaviour.status or status,
        headers={"Content-Type": misbehaviour.content_type, **misbehaviour.headers},
    )
    return await _deliver(request, response, content, misbehaviour)


async def _deliver(
    request: web.Request, response: web.StreamResponse, body: bytes, misbehaviour: Misbehaviour
) -> web.StreamResponse:
    """Send *body*; cut the body or send it slowly if *misbehaviour* says so."""
    sent = body if misbehaviour.keep_bytes is None else body[: misbehaviour.keep_bytes]
    response.content_length = len(sent)
    await response.prepare(request)
    if misbehaviour.cut_at is not None:
        await response.write(sent[: misbehaviour.cut_at])
        if request.transport is not None:
            request.transport.close()
        return response
    if misbehaviour.drip_sec:
        for index in range(len(sent)):
            await response.write(sent[index : index + 1])
            await asyncio.sleep(misbehaviour.drip_sec)
    else:
        await response.write(sent)
    await response.write_eof()
    return response
