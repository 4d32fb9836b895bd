"""A local server that answers as a broken network or a broken proxy does."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Got:
    """A request that the server got."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Script:
    """What the server does with one request."""

    answer: bytes = b""
    """Sent; then the connection is closed."""
    hangs: bool = False
    """Keep the connection open after ``answer``."""
    read_only: int | None = None
    """Close the connection after so many bytes of the request's body."""


def http(status: int, body: bytes, length: int | None = None, /, **headers: str) -> bytes:
    """Return an answer; *length*: another Content-Length than that of *body*."""
    given = {"Content-Length": str(len(body) if length is None else length), **headers}
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def success(data: Any, status: int = 200) -> Script:
    return Script(http(status, json.dumps({"status": "success", "data": data}).encode()))


def failure(status: int, code: str, **headers: str) -> Script:
    error = {"code": code, "message": "why", "details": None}
    body = json.dumps({"status": "error", "error": error}).encode()
    return Script(http(status, body, **headers))


def stream(text: str, *, cut: bool = False) -> Script:
    """Return a stream; *cut*: its last chunk is not complete."""
    data = text.encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    end = b"400\r\nhalf" if cut else b"0\r\n\r\n"
    return Script(head + f"{len(data):x}\r\n".encode() + data + b"\r\n" + end)


@dataclass
class MisbehavingApi:
    """Follows one script for each request, in order; keeps the requests."""

    scripts: deque[Script] = field(default_factory=deque)
    requests: list[Got] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        api = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                api.answer(self.rfile.readline, self.rfile.read, self.connection)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def follow(self, *scripts: Script) -> None:
        """Follow *scripts* for the next requests."""
        self.scripts.extend(scripts)

    def answer(
        self,
        readline: Callable[[], bytes],
        read: Callable[[int], bytes],
        connection: socket.socket,
    ) -> None:
        line = readline().decode().strip()
        headers = {}
        while header := readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        script = self.scripts.popleft()
        size = int(headers.get("content-length", "0"))
        body = read(size if script.read_only is None else script.read_only)
        self.requests.append(Got(line, headers, body))
        connection.sendall(script.answer)
        if script.hangs:
            self._ended.wait()
        if script.read_only is not None:  # reset instead of a clean end
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
