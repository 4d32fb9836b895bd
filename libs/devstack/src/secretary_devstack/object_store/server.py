"""Serves an ``ObjectStore`` over HTTP, and misbehaves where S3 may."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from urllib.parse import unquote

from aiohttp import web

from secretary_devstack.object_store.object_store import Condition, ObjectStore
from secretary_devstack.object_store.refusal import Refusal
from secretary_devstack.servers.http_server import HttpServer

_MOST_BYTES = 64 * 2**20
_PART = re.compile(r"<PartNumber>(\d+)</PartNumber>\s*<ETag>([^<]*)</ETag>")
_KEPT = ("content-type", "x-amz-meta-")


class ObjectStoreServer(HttpServer):
    """A store with the path style of S3, inside a ``with`` statement.

    It refuses a request without a signature, or whose body has another digest than announced.
    The signature itself is not verified.
    """

    def __init__(self) -> None:
        super().__init__(self._app, name="object store")
        self.store = ObjectStore()
        self.requests: list[str] = []
        """The operations in order, such as ``PutObject`` or ``CompleteMultipartUpload``."""
        self._refusals: deque[Refusal] = deque()
        self._in_body = False
        self._lost_answers = 0

    @property
    def endpoint(self) -> str:
        """The URL of the store."""
        return self.url("")

    def refuse_completion(self, refusal: Refusal, *, in_body: bool = False) -> None:
        """Refuse the next completion of an upload in parts, which then has no effect.

        *in_body*: the status is 200 and the body has the error, as S3 answers when it finds the
        error after it has begun to answer.
        """
        self._refusals.append(refusal)
        self._in_body = in_body

    def lose_answer_of_completion(self) -> None:
        """Complete the next upload in parts, and close the connection instead of answering."""
        self._lost_answers += 1

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            _check_signed(request, body)
            return self._done(request, body)
        except Refusal as refusal:
            return _xml(refusal.body, refusal.status)

    def _done(self, request: web.Request, body: bytes) -> web.StreamResponse:
        operations = {
            ("GET", False): ("GetObject", self._get),
            ("HEAD", False): ("HeadObject", self._get),
            ("PUT", False): ("PutObject", self._put),
            ("PUT", True): ("UploadPart", self._put_part),
            ("POST", False): ("CreateMultipartUpload", self._begin),
            ("POST", True): ("CompleteMultipartUpload", self._complete),
            ("DELETE", True): ("AbortMultipartUpload", self._abort),
        }
        found = operations.get((request.method, "uploadId" in request.query))
        if found is None:
            raise Refusal(501, "NotImplemented", "This store has no such operation.")
        name, operation = found
        self.requests.append(name)
        return operation(request, body)

    def _get(self, request: web.Request, _: bytes) -> web.StreamResponse:
        found = self.store.get(_key(request), _condition(request))
        start = request.http_range.start or 0
        content = found.content[start:]
        headers = {**found.headers, "ETag": found.etag}
        if start:
            last = len(found.content) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(found.content)}"
        return web.Response(status=206 if start else 200, headers=headers, body=content)

    def _put(self, request: web.Request, body: bytes) -> web.StreamResponse:
        tag = self.store.put(_key(request), body, _kept(request), _condition(request))
        return web.Response(headers={"ETag": tag})

    def _begin(self, request: web.Request, _: bytes) -> web.StreamResponse:
        if "uploads" not in request.query:
            raise Refusal(400, "InvalidRequest", "POST begins or completes an upload in parts.")
        upload_id = self.store.begin(_key(request), _kept(request))
        name = "InitiateMultipartUploadResult"
        return _xml(f"<{name}><UploadId>{upload_id}</UploadId></{name}>".encode())

    def _put_part(self, request: web.Request, body: bytes) -> web.StreamResponse:
        number = int(request.query.get("partNumber", "0"))
        tag = self.store.put_part(_key(request), request.query["uploadId"], number, body)
        return web.Response(headers={"ETag": tag})

    def _complete(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if self._refusals:
            refusal = self._refusals.popleft()
            if self._in_body:
                return _xml(refusal.body)
            raise refusal
        listed = [(int(number), _unescaped(tag)) for number, tag in _PART.findall(body.decode())]
        upload_id = request.query["uploadId"]
        tag = self.store.complete(_key(request), upload_id, listed, _condition(request))
        if self._lost_answers:
            self._lost_answers -= 1
            _cut(request)
        name = "CompleteMultipartUploadResult"
        return _xml(f"<{name}><ETag>{tag}</ETag></{name}>".encode())

    def _abort(self, request: web.Request, _: bytes) -> web.StreamResponse:
        self.store.abort(_key(request), request.query["uploadId"])
        return web.Response(status=204)


def _check_signed(request: web.Request, body: bytes) -> None:
    signed = request.headers.get("Authorization", "")
    if not signed.startswith("AWS4-HMAC-SHA256 "):
        raise Refusal(403, "AccessDenied", "Access Denied")
    if request.headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
        message = "The provided x-amz-content-sha256 header does not match what was computed."
        raise Refusal(400, "XAmzContentSHA256Mismatch", message)


def _key(request: web.Request) -> str:
    return unquote(request.rel_url.raw_path.lstrip("/"))


def _condition(request: web.Request) -> Condition:
    headers = request.headers
    return Condition(headers.get("If-Match"), headers.get("If-None-Match"))


def _kept(request: web.Request) -> dict[str, str]:
    return {
        name: value for name, value in request.headers.items() if name.lower().startswith(_KEPT)
    }


def _unescaped(tag: str) -> str:
    return tag.replace("&quot;", '"').replace("&#34;", '"')


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


def _xml(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/xml")
