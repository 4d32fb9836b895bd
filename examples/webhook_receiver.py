"""A receiver of Secretary's webhooks to start from; it needs only Python.

    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py 8080

The receiver verifies the signature over the received bytes. It notes each event before it answers,
and works after the answer. It handles each event once (``webhook-id``), and an older event never
replaces a newer one (``seq``). Its notes are in memory. Store yours with your data, in one
transaction.
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
    """Return whether *body* was signed with *secret* (``whsec_…``) in the last five minutes."""
    moment = headers.get("webhook-timestamp") or ""
    if not NUMBER.fullmatch(moment) or abs(time.time() - int(moment)) > TOLERANCE_SEC:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers.get('webhook-id')}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    # There are several during a rotation of secrets; one match is enough.
    given = (headers.get("webhook-signature") or "").encode().split()
    return any(hmac.compare_digest(b"v1," + digest, one) for one in given)


class Inbox:
    """The received events; requests run concurrently."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: set[str] = set()
        self._newest: dict[str, int] = {}

    def note(self, webhook_id: str, event: dict[str, Any]) -> str:
        """Note *event* and return its kind: ``new``, ``repeat``, or ``outdated`` by a newer one."""
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
    """Answers POSTs: 400 and 413 for a bad length, 401 for a bad signature, else 204."""

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
        kind = self.inbox.note(self.headers["webhook-id"], event)
        # Noted before the answer, because Secretary does not repeat an event after a 2xx.
        self._answer(HTTPStatus.NO_CONTENT)
        work(kind, event)

    def log_message(self, *_: object) -> None:
        """Log no requests: ``work`` prints enough."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()


def work(kind: str, event: dict[str, Any]) -> None:
    """Handle an event. This is your part; the example prints a line."""
    line = f"{kind} {event['phase']} {event['job']['id']} {event['message']}"
    # A message may quote a document, so control characters and line breaks are escaped.
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    print(f"{shown}\n", end="", flush=True)  # one write, so that threads do not mix lines


def main() -> None:
    """Receive on 127.0.0.1 until interrupted."""
    Receiver.secret = os.environ.get("WEBHOOK_SECRET") or sys.exit("set WEBHOOK_SECRET")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
