"""A proxy that breaks one upload, one submission and one stream, each in the middle."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import Self

UPLOAD, SUBMISSION, STREAM = b"POST /api/files ", b"POST /api/jobs/ ", b"/stream HTTP"
UPLOAD_BYTES = 100_000
CHUNK = 65_536


class CuttingProxy:
    """Forwards connections to a port of this machine, and breaks three of them.

    The upload breaks after some bytes of its body. The submission breaks when the API has answered,
    so the answer is lost. The stream breaks after its first event.
    """

    def __init__(self, upstream_port: int) -> None:
        self.left = [UPLOAD, SUBMISSION, STREAM]
        """The faults that have not happened yet."""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
                    _Link(proxy, self.request, upstream).run()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fault_in(self, data: bytes) -> bytes | None:
        """Return the fault for a request that begins in *data*; each happens once."""
        for mark in self.left:
            if mark in data:
                self.left.remove(mark)
                return mark
        return None


class _Link:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, upstream: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._upstream = upstream
        self._fault: bytes | None = None
        self._sent = 0

    def run(self) -> None:
        answers = threading.Thread(target=self._answers)
        answers.start()
        with contextlib.suppress(OSError):
            while data := self._client.recv(CHUNK):
                self._fault = self._proxy.fault_in(data) or self._fault
                self._upstream.sendall(data)
                self._sent += len(data)
                if self._fault == UPLOAD and self._sent > UPLOAD_BYTES:
                    self._reset()
        with contextlib.suppress(OSError):
            self._upstream.shutdown(socket.SHUT_RDWR)
        answers.join()

    def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._upstream.recv(CHUNK):
                if self._fault == SUBMISSION:
                    self._reset()
                self._client.sendall(data)
                if self._fault == STREAM and b"event:" in data:
                    self._reset()
            self._client.shutdown(socket.SHUT_RDWR)

    def _reset(self) -> None:
        """End both connections; the client gets a reset."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._client.shutdown(socket.SHUT_RDWR)
        self._client.close()
        self._upstream.shutdown(socket.SHUT_RDWR)
