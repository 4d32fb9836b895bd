"""A receiver of Secretary's webhooks to start from; needs nothing but Python.

    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py 8080

It verifies the signature over the bytes as they came, notes each event before it answers and works
after that, handles each once (``webhook-id``) and never lets an older one overwrite a newer one
(``seq``). What it has noted it keeps in memory; keep it beside your data, in one transaction with
them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SEC = 300
LARGEST_BODY_BYTES = 1024 * 1024
# Any client can send headers, so accept only ASCII digits, and only as many as make sense.
NUMBER = re.compile(r"[0-9]{1,12}")


def is_genuine(secret: str, headers: Mapping[str, str | None], body: bytes) -> bool:
    """Whether *body* was signed with *secret* (``whsec_…``) in the last five minutes."""
    moment = headers.get("webhook-timestamp") or ""
    if not NUMBER.fullmatch(moment) or abs(time.time() - int(moment)) > TOLERANCE_SEC:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers.get('webhook-id')}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    # Several while secrets are rotated; one that matches is enough.
    given = (headers.get("webhook-signature") or "").encode().split()
    return any(hmac.compare_digest(b"v1," + digest, one) for one in given)


class Inbox:
    """What has come; requests are taken side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: set[str] = set()
        self._newest: dict[str, int] = {}

    def note(self, webhook_id: str, event: dict[str, Any]) -> str:
        """Note *event*: ``new``, or a ``repeat`` of one that came, or ``outdated`` by one."""
        with self._lock:
            if webhook_id in self._noted:
                return "repeat"
            self._noted.add(webhook_id)
            job_id, seq = event["process"]["id"], event["seq"]
            if seq <= self._newest.get(job_id, 0):
                return "outdated"
            self._newest[job_id] = seq
            return "new"


class Receiver(BaseHTTPRequestHandler):
    """Answers POSTs: 400 and 413 for no proper length, 401 for what is not genuine, else 204."""

    secret = ""
    inbox = Inbox()
    timeout = 10

    def do_POST(self) -> None:
        """Verify, note, answer, then work."""
        length = self.headers.get("Content-Length", "")
        if not NUMBER.fullmatch(length):
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        if int(length) > LARGEST_BODY_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.secret, {k.lower(): v for k, v in self.headers.items()}, body):
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        event = json.loads(body)
        news = self.inbox.note(self.headers["webhook-id"], event)
        # Noted before it is acknowledged: what is lost after a 2xx is not sent again.
        self._answer(HTTPStatus.NO_CONTENT)
        work(news, event)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request: what ``work`` prints is enough."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()


def work(news: str, event: dict[str, Any]) -> None:
    """Your part; this one prints a line."""
    line = f"{news} {event['phase']} {event['job']['id']} {event['message']}"
    # A message may quote a document; nothing of it shall steer a terminal or begin a line.
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    print(f"{shown}\n", end="", flush=True)  # one write: threads do not mix their lines


def main() -> None:
    """Receive on 127.0.0.1 until interrupted."""
    Receiver.secret = os.environ.get("WEBHOOK_SECRET") or sys.exit("set WEBHOOK_SECRET")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
