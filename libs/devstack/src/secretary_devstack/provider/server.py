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
from secretary_devstack.provider.dialect import Dialect, Refusal
from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.model import (
    ChatReply,
    chat_answer,
    default_reply,
    ocr_answer,
    read_pdf,
    transcript_answer,
)
from secretary_devstack.provider.wire import Asked, read_request, send_answer
from secretary_devstack.servers.site import Site

JsonObject = dict[str, Any]
OPERATIONS = ("upload", "list", "delete", "ocr", "chat", "transcribe")
MAX_BODY_BYTES = 128 * 2**20


@dataclass
class _Script:
    faults: defaultdict[str, deque[Misbehaviour]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    replies: deque[ChatReply] = field(default_factory=deque)


class FakeProvider(Site):
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
        super().__init__(self._app, name="provider")
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

    @property
    def base_url(self) -> str:
        """For the setting of that name."""
        return self.url("/v1")

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
            asked = await read_request(operation, request)
            with self._lock:
                self._asked.append(asked)
            faults = self._script.faults[operation]
            wrong = faults.popleft() if faults else Misbehaviour()
            is_honest = wrong == Misbehaviour()
            status: int = 200
            body: JsonObject = {}
            if is_honest or wrong.carried_out:
                status, body = await asyncio.to_thread(self._carry_out, act, asked)
            return await send_answer(request, wrong, status, body)

        return handle

    def _carry_out(
        self, act: Callable[[Asked], JsonObject], asked: Asked
    ) -> tuple[int, JsonObject]:
        try:
            if asked.authorization != f"Bearer {self.key}":
                shown = asked.authorization.removeprefix("Bearer ")
                raise Refusal(401, f"Incorrect API key provided: {shown}")
            return 200, act(asked)
        except Refusal as refusal:
            return refusal.status, refusal.body

    def _check(self, asked: Asked, wanted: JsonObject) -> None:
        fault = schema.fault_of(asked.body, wanted)
        if fault:
            self._violate(f"{asked.operation}: {fault}")

    def _violate(self, what: str) -> None:
        self.violations.append(what)
        raise Refusal(422, what)

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
            raise Refusal(404, "No such file")
        return {"id": file_id, "object": "file", "deleted": True}

    def _ocr(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.OCR)
        file_id = asked.body["document"].get("file_id")
        if file_id not in self.files:
            raise Refusal(404, f"File {file_id} was not found")
        pages = self._read_pdf(self.files[file_id][1])
        return ocr_answer(pages, asked.body.get("pages"), asked.body["model"])

    def _chat(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.CHAT)
        self.dialect.check_chat(asked.body)
        fault = schema.chat_fault(asked.body)
        if fault:
            self._violate(fault)
        replies = self._script.replies
        reply = replies.popleft() if replies else self._reply(asked.body)
        return chat_answer(asked.body, reply, with_usage=self.dialect.usage)

    def _listen(self, asked: Asked) -> JsonObject:
        self._check(asked, schema.TRANSCRIPTION)
        self.dialect.check_transcription(asked.body)
        return transcript_answer(verbose=asked.body.get("response_format") == ["verbose_json"])


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
