"""Takes requests apart and sends answers, well or as told."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from secretary_devstack.provider.misbehaviour import Misbehaviour

JsonObject = dict[str, Any]
ENDLESS_SEC = 3600.0


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    operation: str
    body: JsonObject
    """The JSON; of a form its fields as lists, a file by its name."""
    file: bytes = b""
    authorization: str = ""


async def read_request(operation: str, request: web.Request) -> Asked:
    """*request*, taken apart."""
    authorization = request.headers.get("Authorization", "")
    if request.content_type == "application/json":
        body = await request.json()
        return Asked(operation, body, authorization=authorization)
    if request.content_type == "multipart/form-data":
        fields, content = await _read_form(request)
        return Asked(operation, fields, content, authorization)
    return Asked(operation, {**request.query, **request.match_info}, authorization=authorization)


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
    request: web.Request, wrong: Misbehaviour, status: int, body: JsonObject
) -> web.StreamResponse:
    """Answer *request* with *body* as *wrong* has it."""
    if wrong.hang:
        await asyncio.sleep(ENDLESS_SEC)
    await asyncio.sleep(wrong.delay_sec)
    if wrong.reset:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if wrong.edit is not None:
        body = wrong.edit(body)
    content = json.dumps(body).encode() if wrong.body is None else wrong.body
    response = web.StreamResponse(
        status=wrong.status or status,
        headers={"Content-Type": wrong.content_type, **wrong.headers},
    )
    return await _deliver(request, response, content, wrong)


async def _deliver(
    request: web.Request, response: web.StreamResponse, body: bytes, wrong: Misbehaviour
) -> web.StreamResponse:
    """Send *body* as *wrong* has it."""
    sent = body if wrong.keep_bytes is None else body[: wrong.keep_bytes]
    response.content_length = len(sent)
    await response.prepare(request)
    if wrong.cut_at is not None:
        await response.write(sent[: wrong.cut_at])
        if request.transport is not None:
            request.transport.close()
        return response
    if wrong.drip_sec:
        for index in range(len(sent)):
            await response.write(sent[index : index + 1])
            await asyncio.sleep(wrong.drip_sec)
    else:
        await response.write(sent)
    await response.write_eof()
    return response
