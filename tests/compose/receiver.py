"""Runs in a container: answers every POST with 200 and prints it, one JSON object a line.

A GET gets a PDF after some seconds, so that a job that reads it runs long and costs nothing. It
uses only the standard library, so that the plain Python image can run it.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 8080
SAMPLE = Path("/sample.pdf")
SLOW_SEC = 10.0


class Handler(BaseHTTPRequestHandler):
    """Prints each request."""

    def do_POST(self) -> None:
        """Print headers (lower case) and body (base64), then answer 200."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        line = {"headers": headers, "body": base64.b64encode(body).decode()}
        # One write for each line, because requests are answered in threads.
        sys.stdout.write(json.dumps(line) + "\n")
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        """Answer with the sample, late."""
        time.sleep(SLOW_SEC)
        content = SAMPLE.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/pdf")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Print nothing else."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
