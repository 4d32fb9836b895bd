"""HTTP/1.1 by httptools, with a limit that its parser does not have.

The parser keeps a header, or a trailer after a chunked body, until it is complete. Without a limit,
one client could fill the memory before any route sees its request.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD_BYTES = 64 * 1024
"""The most bytes of a request that may come without completing its head or a part of its body."""


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection; refuses a head or trailers over ``LARGEST_HEAD_BYTES``."""

    _kept = 0
    """The bytes that came since the parser last completed something."""

    def data_received(self, data: bytes) -> None:
        """Parse *data*."""
        self._kept += len(data)
        super().data_received(data)
        if self._kept > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._kept = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._kept = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response("The head of the request is too large.")
        else:  # an answer is under way, so there is no place for another one
            self.transport.abort()
