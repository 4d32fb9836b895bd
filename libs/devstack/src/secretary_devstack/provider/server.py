"""The fake provider: Mistral's ``/files`` and ``/ocr``, OpenAI's chat and audio, on one port."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from secretary_devstack.provider import schema
from secretary_devstack.provider.answers import (
    GREETING,
    ChatReply,
    Spoken,
    chat_answer,
    default_reply,
    ocr_answer,
    read_pdf,
    transcript_answer,
)
from secretary_devstack.provider.dialect import Dialect, Refusal
from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.wire import RecordedRequest, read_request, send_answer
from secretary_devstack.servers.http_server import HttpServer

JsonObject = dict[str, Any]
OPERATIONS = ("upload", "list", "delete", "ocr", "chat", "transcribe")
MAX_BODY_BYTES = 128 * 2**20


@dataclass
class _Script:
    faults: defaultdict[str, deque[Misbehaviour]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    replies: deque[ChatReply] = field(default_factory=deque)


class FakeProvider(HttpServer):
    """Answers correctly unless ``misbehave`` says otherwise, and records every request.

    A test uses the provider as a context manager and puts ``base_url`` and ``key`` into the
    settings. A request that the published interface does not allow gets 422. ``violations`` lists
    such requests, and tests expect an empty list.
    """

    def __init__(
        self,
        *,
        key: str = "sk-test-0123456789",
        dialect: Dialect | None = None,
        read_pdf: Callable[[bytes], Sequence[str]] = read_pdf,
        reply: Callable[[JsonObject], ChatReply] = default_reply,
        speech: Callable[[str, bytes], Sequence[Spoken]] = lambda _name, _sound: GREETING,
    ) -> None:
        """Prepare to serve.

        Args:
            key: the only API key that the provider accepts.
            dialect: the parts of the interface that the provider supports; by default all parts.
            read_pdf: returns the text of each page of an upload.
            reply: makes the reply to a chat request without a reply of ``reply_next``. It is called
                in a thread.
            speech: returns the sentences in a piece of audio, by its name and its bytes.
        """
        super().__init__(self._app, name="provider")
        self.key = key
        self.dialect = dialect or Dialect()
        self.violations: list[str] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        """The names and contents of the uploads that were not deleted, by id."""
        self._read_pdf = read_pdf
        self._reply = reply
        self._speech = speech
        self._script = _Script()
        self._requests: list[RecordedRequest] = []
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    @property
    def base_url(self) -> str:
        """The value for the setting ``base_url``."""
        return self.url("/v1")

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in the order of their arrival."""
        return list(self._requests)

    def requests_for(self, operation: str) -> list[RecordedRequest]:
        """Return the requests for *operation*, one of ``OPERATIONS``."""
        return [one for one in self._requests if one.operation == operation]

    def misbehave(self, operation: str, *misbehaviours: Misbehaviour | None) -> None:
        """Fail the next requests for *operation* in these ways, in order.

        A request for which the list has None is answered correctly.
        """
        if operation not in OPERATIONS:
            raise ValueError(operation)
        self._script.faults[operation].extend(
            misbehaviour or Misbehaviour() for misbehaviour in misbehaviours
        )

    def reply_next(self, *replies: ChatReply | str | JsonObject) -> None:
        """Use these replies for the next chat requests, in order. An object is sent as JSON."""
        for reply in replies:
            if isinstance(reply, ChatReply):
                self._script.replies.append(reply)
            else:
                text = reply if isinstance(reply, str) else json.dumps(reply)
                self._script.replies.append(ChatReply(text))

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/v1/files", self._handler("upload", self._upload))
        app.router.add_get("/v1/files", self._handler("list", self._list))
        app.router.add_delete("/v1/files/{id}", self._handler("delete", self._delete))
        app.router.add_post("/v1/ocr", self._handler("ocr", self._ocr))
        app.router.add_post("/v1/chat/completions", self._handler("chat", self._chat))
        app.router.add_post(
            "/v1/audio/transcriptions", self._handler("transcribe", self._transcribe)
        )
        return app

    def _handler(
        self, operation: str, act: Callable[[RecordedRequest], JsonObject]
    ) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            parsed = await read_request(operation, request)
            with self._lock:
                self._requests.append(parsed)
            faults = self._script.faults[operation]
            misbehaviour = faults.popleft() if faults else Misbehaviour()
            is_correct = misbehaviour == Misbehaviour()
            status: int = 200
            body: JsonObject = {}
            if is_correct or misbehaviour.executed:
                status, body = await asyncio.to_thread(self._execute, act, parsed)
            return await send_answer(request, misbehaviour, status, body)

        return handle

    def _execute(
        self, act: Callable[[RecordedRequest], JsonObject], request: RecordedRequest
    ) -> tuple[int, JsonObject]:
        try:
            if request.authorization != f"Bearer {self.key}":
                shown = request.authorization.removeprefix("Bearer ")
                raise Refusal(401, f"Incorrect API key provided: {shown}")
            return 200, act(request)
        except Refusal as refusal:
            return refusal.status, refusal.body

    def _check(self, request: RecordedRequest, wanted: JsonObject) -> None:
        fault = schema.fault_of(request.body, wanted)
        if fault:
            self._violate(f"{request.operation}: {fault}")

    def _violate(self, what: str) -> None:
        self.violations.append(what)
        raise Refusal(422, what)

    def _upload(self, request: RecordedRequest) -> JsonObject:
        self._check(request, schema.UPLOAD)
        name = request.body["file"][0]
        file_id = f"file-{next(self._ids)}"
        self.files[file_id] = (name, request.file)
        return _file(file_id, name, len(request.file))

    def _list(self, request: RecordedRequest) -> JsonObject:
        wanted = request.body.get("search", "")
        files = [
            _file(file_id, name, len(content))
            for file_id, (name, content) in self.files.items()
            if wanted in name
        ]
        return {"data": files, "object": "list", "total": len(files)}

    def _delete(self, request: RecordedRequest) -> JsonObject:
        file_id = request.body["id"]
        if self.files.pop(file_id, None) is None:
            raise Refusal(404, "No such file")
        return {"id": file_id, "object": "file", "deleted": True}

    def _ocr(self, request: RecordedRequest) -> JsonObject:
        self._check(request, schema.OCR)
        file_id = request.body["document"].get("file_id")
        if file_id not in self.files:
            raise Refusal(404, f"File {file_id} was not found")
        pages = self._read_pdf(self.files[file_id][1])
        return ocr_answer(pages, request.body.get("pages"), request.body["model"])

    def _chat(self, request: RecordedRequest) -> JsonObject:
        self._check(request, schema.CHAT)
        self.dialect.check_chat(request.body)
        fault = schema.chat_fault(request.body)
        if fault:
            self._violate(fault)
        replies = self._script.replies
        reply = replies.popleft() if replies else self._reply(request.body)
        return chat_answer(request.body, reply, with_usage=self.dialect.usage)

    def _transcribe(self, request: RecordedRequest) -> JsonObject:
        self._check(request, schema.TRANSCRIPTION)
        self.dialect.check_transcription(request.body)
        sentences = self._speech(request.body["file"][0], request.file)
        return transcript_answer(request.body, sentences)


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
