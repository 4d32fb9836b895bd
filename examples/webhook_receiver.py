"""A receiver of Secretary's webhooks to start from; needs nothing but Python.

    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py 8080

It verifies the signature over the bytes as they came, answers before it works, handles each event
once (``webhook-id``) and never lets an older one overwrite a newer one (``seq``). What it has
handled it keeps in memory; keep it beside your data, in one transaction with them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SEC = 300
LARGEST_BODY_BYTES = 1024 * 1024


def is_genuine(secret: str, headers: Mapping[str, str | None], body: bytes) -> bool:
    """Whether *body* was signed with *secret* (``whsec_…``) in the last five minutes."""
    moment = headers.get("webhook-timestamp") or ""
    if not moment.isdigit() or abs(time.time() - int(moment)) > TOLERANCE_SEC:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers.get('webhook-id')}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    # Several while secrets are rotated; one that matches is enough.
    given = (headers.get("webhook-signature") or "").split()
    return any(hmac.compare_digest(f"v1,{digest}", one) for one in given)


class Inbox:
    """What has been handled."""

    def __init__(self) -> None:
        self._handled: set[str] = set()
        self._newest: dict[str, int] = {}

    def take(self, webhook_id: str, event: dict[str, Any]) -> str:
        """Handle *event* unless it was handled before; returns what was done with it."""
        if webhook_id in self._handled:
            return "repeat"
        self._handled.add(webhook_id)
        job_id, seq = event["process"]["id"], event["seq"]
        if seq <= self._newest.get(job_id, 0):
            return "outdated"
        self._newest[job_id] = seq
        return "handled"


class Receiver(BaseHTTPRequestHandler):
    """Answers POSTs: 401 for what is not genuine, 204 for the rest."""

    secret = ""
    inbox = Inbox()
    timeout = 10

    def do_POST(self) -> None:
        """Verify, answer, then work."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(length)
        if not is_genuine(self.secret, {k.lower(): v for k, v in self.headers.items()}, body):
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        self._answer(HTTPStatus.NO_CONTENT)
        event = json.loads(body)
        done = self.inbox.take(self.headers["webhook-id"], event)
        print(done, event["phase"], event["job"]["id"], event["message"], flush=True)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request: the lines above are enough."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()


def main() -> None:
    """Receive on 127.0.0.1 until interrupted."""
    Receiver.secret = os.environ.get("WEBHOOK_SECRET") or sys.exit("set WEBHOOK_SECRET")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
