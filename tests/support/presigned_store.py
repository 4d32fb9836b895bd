"""A store that accepts presigned URLs only, and checks their signature, headers and time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import web
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.origin import serving

REGION = "us-east-1"
_DENIED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@dataclass
class PresignedStore:
    """The objects of the store, by path."""

    origin: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)


@asynccontextmanager
async def presigned_store(key_id: str, secret: str) -> AsyncIterator[PresignedStore]:
    """Serve a store with one access key."""
    store, routes = PresignedStore(), web.RouteTableDef()

    @routes.route("*", "/{path:.*}")
    async def serve(request: web.Request) -> web.Response:
        if (fault := _fault(request, Credentials(key_id, secret))) is not None:
            return web.Response(status=403, text=fault, content_type="application/xml")
        path = unquote(request.raw_path.partition("?")[0])
        if request.method == "PUT":
            store.objects[path] = await request.read()
            return web.Response()
        found = store.objects.get(path)
        return web.Response(status=404) if found is None else web.Response(body=found)

    async with serving(routes) as store.origin:
        yield store


def _fault(request: web.Request, credentials: Credentials) -> str | None:
    query = {
        name: values[0] for name, values in parse_qs(request.raw_path.partition("?")[2]).items()
    }
    if "X-Amz-Signature" not in query:
        return "<Error><Code>AccessDenied</Code></Error>"
    made_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if made_at + timedelta(seconds=int(query["X-Amz-Expires"])) < datetime.now(UTC):
        return _DENIED
    url = f"http://{request.headers['Host']}{request.raw_path}"
    unsigned = url.partition("&X-Amz-Signature=")[0]
    sent = AWSRequest(request.method, unsigned)
    for name in query["X-Amz-SignedHeaders"].split(";"):
        sent.headers[name] = request.headers.get(name, "")
    sent.context["timestamp"] = query["X-Amz-Date"]
    auth = S3SigV4QueryAuth(credentials, "s3", REGION)
    assert urlsplit(unsigned).query
    signature = auth.signature(auth.string_to_sign(sent, auth.canonical_request(sent)), sent)
    same = signature == query["X-Amz-Signature"]
    return None if same else "<Error><Code>SignatureDoesNotMatch</Code></Error>"
