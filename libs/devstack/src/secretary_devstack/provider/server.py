"""The fake provider itself.

``/files`` and ``/ocr`` of Mistral, ``/chat/completions`` and ``/audio/transcriptions`` of OpenAI, on
one port.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import BodyPartReader, web

from secretary_devstack.provider import schema
from secretary_devstack.provider.misbehaviour import Misbehaviour, deliver
from secretary_devstack.provider.model import (
    ChatReply,
    chat_answer,
    default_reply,
    ocr_answer,
    read_pdf,
    transcript_answer,
)
from secretary_devstack.site import Site

JsonObject = dict[str, Any]
OPERATIONS = ("upload", "list", "delete", "ocr", "chat", "transcribe")
MAX_BODY_BYTES = 128 * 2**20
ENDLESS_SEC = 3600.0


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    operation: str
    body: JsonObject
    """The JSON; of a form its fields as lists, a file by its name."""
    file: bytes = b""
    authorization: str = ""


@dataclass(frozen=True)
class Dialect:
    """What the server understands; the rest it refuses by name, as real ones do."""

    formats: frozenset[str] = frozenset({"json_schema", "json_object"})
    temperature: bool = True
    usage: bool = True
    verbose: bool = True
    """Time stamps for transcriptions."""


class _Refusal(Exception):
    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
        self.status = status
        self.body = {"error": error}


@dataclass
class _Script:
    faults: defaultdict[str, deque[Misbehaviour]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    replies: deque[ChatReply] = field(default_factory=deque)


class FakeProvider:
    """Answers honestly unless told otherwise, and remembers everything. Use it as a context.

    ``base_url`` and ``key`` go into the settings. A request that the published interface does not
    know is answered 422 and stands in ``violations``: assert that there are none.
    """

    def __init__(
        self,
        *,
        key: str = "sk-test-0123456789",
        dialect: Dialect | None = None,
        read_pdf: Callable[[bytes], Sequence[str]] = read_pdf,
        reply: Callable[[JsonObject], ChatReply] = default_reply,
    ) -> None:
        """Set the stage.

        Args:
            key: the one it accepts.
            dialect: what it understands; all, unless told.
            read_pdf: the text of each page of an upload.
            reply: to chat requests that ``reply_next`` has none for; called in its own thread.
        """
        self.key = key
        self.dialect = dialect or Dialect()
        self.violations: list[str] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        """Uploads that were not deleted: name and content by id."""
        self._read_pdf = read_pdf
        self._reply = reply
        self._script = _Script()
        self._asked: list[Asked] = []
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._site = Site(self._app, name="provider")

    @property
    def base_url(self) -> str:
        """For the setting of that name."""
        return self._site.url("/v1")

    @property
    def asked(self) -> list[Asked]:
        """All requests so far, in the order of their arrival."""
        return list(self._asked)

    def requests(self, operation: str) -> list[Asked]:
        """Those for *operation* (``OPERATIONS``)."""
        return [one for one in self._asked if one.operation == operation]

    def misbehave(self, operation: str, *wrongs: Misbehaviour | None) -> None:
        """Answer the coming requests for *operation* so, one after the other; None: honestly."""
        if operation not in OPERATIONS:
            raise ValueError(operation)
        self._script.faults[operation].extend(wrong or Misbehaviour() for wrong in wrongs)

    def reply_next(self, *replies: ChatReply | str | JsonObject) -> None:
        """Have the chat model say these, one after the other; an object is said as JSON."""
        for reply in replies:
            if isinstance(reply, ChatReply):
                self._script.replies.append(reply)
            else:
                text = reply if isinstance(reply, str) else json.dumps(reply)
                self._script.replies.append(ChatReply(text))

    def __enter__(self) -> Self:
        self._site.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._site.__exit__(kind, error, trace)

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/v1/files", self._handler("upload", self._upload))
        app.router.add_get("/v1/files", self._handler("list", self._list))
        app.router.add_delete("/v1/files/{id}", self._handler("delete", self._delete))
        app.router.add_post("/v1/ocr", self._handler("ocr", self._ocr))
        app.router.add_post("/v1/chat/completions", self._handler("chat", self._chat))
        app.router.add_post("/v1/audio/transcriptions", self._handler("transcribe", self._listen))
        return app

    def _handler(
        self, operation: str, act: Callable[[Asked], JsonObject]
    ) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await _read(operation, request)
            with self._lock:
                self._asked.append(asked)
            faults = self._script.faults[operation]
            wrong = faults.popleft() if faults else Misbehaviour()
            is_honest = wrong == Misbehaviour()
            status: int = 200
            body: JsonObject = {}
            if is_honest or wrong.carried_out:
                status, body = await asyncio.to_thread(self._carry_out, act, asked)
            return await _answer(request, wrong, status, body)

        return handle

    def _carry_out(
        self, act: Callable[[Asked], JsonObject], asked: Asked
    ) -> tuple[int, JsonObject]:
        try:
            if asked.authorization != f"Bearer {self.key}":
                shown = asked.authorization.removeprefix("Bearer ")
                raise _Refusal(401, f"Incorrect API key provided: {shown}")
            return 200, act(asked)
        except _Refusal as refusal:
            return refusal.status, refusal.body

    def _check(self, asked: Asked, wanted: JsonObject) -> None:
        fault = schema.fault_of(asked.body, wanted)
        if fault:
            self._violate(f"{asked.operation}: {fault}")

    def _violate(self, what: str) -> None:
        self.violations.append(what)
        raise _Refusal(422, what)

    def _upload(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.UPLOAD)
        name = asked.body["file"][0]
        file_id = f"file-{next(self._ids)}"
        self.files[file_id] = (name, asked.file)
        return _file(file_id, name, len(asked.file))

    def _list(self, asked: Asked) -> JsonObject:
        wanted = asked.body.get("search", "")
        files = [
            _file(file_id, name, len(content))
            for file_id, (name, content) in self.files.items()
            if wanted in name
        ]
        return {"data": files, "object": "list", "total": len(files)}

    def _delete(self, asked: Asked) -> JsonObject:
        file_id = asked.body["id"]
        if self.files.pop(file_id, None) is None:
            raise _Refusal(404, "No such file")
        return {"id": file_id, "object": "file", "deleted": True}

    def _ocr(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.OCR)
        file_id = asked.body["document"].get("file_id")
        if file_id not in self.files:
            raise _Refusal(404, f"File {file_id} was not found")
        pages = self._read_pdf(self.files[file_id][1])
        return ocr_answer(pages, asked.body.get("pages"), asked.body["model"])

    def _chat(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.CHAT)
        self._refuse_what_is_not_understood(asked.body)
        replies = self._script.replies
        reply = replies.popleft() if replies else self._reply(asked.body)
        return chat_answer(asked.body, reply, with_usage=self.dialect.usage)

    def _refuse_what_is_not_understood(self, body: JsonObject) -> None:
        wanted = body.get("response_format", {"type": "text"})
        kind = wanted["type"]
        if kind != "text" and kind not in self.dialect.formats:
            message = f"'response_format' of type '{kind}' is not supported with this model."
            raise _Refusal(400, message, "response_format")
        if "temperature" in body and not self.dialect.temperature:
            message = "Unsupported value: 'temperature' does not support 0 with this model."
            raise _Refusal(400, message, "temperature")
        if kind == "json_schema" and wanted["json_schema"].get("strict"):
            fault = schema.strict_fault(wanted["json_schema"]["schema"])
            if fault:
                self._violate(f"Invalid schema for response_format: {fault}")
        # OpenAI's rule, lest the model write white space for ever.
        if kind == "json_object" and "json" not in json.dumps(body["messages"]).lower():
            self._violate("'messages' must contain the word 'json' to use 'response_format'")

    def _listen(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.TRANSCRIPTION)
        verbose = asked.body.get("response_format") == ["verbose_json"]
        if verbose and not self.dialect.verbose:
            message = "response_format 'verbose_json' is not compatible with model"
            raise _Refusal(400, message, "response_format")
        return transcript_answer(verbose=verbose)


async def _read(operation: str, request: web.Request) -> Asked:
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


async def _answer(
    request: web.Request, wrong: Misbehaviour, status: int, body: JsonObject
) -> web.StreamResponse:
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
    return await deliver(request, response, content, wrong)


def _file(file_id: str, name: str, size: int) -> JsonObject:
    return {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": int(time.time()),
        "filename": name,
        "purpose": "ocr",
        "sample_type": "ocr_input",
        "source": "upload",
    }
