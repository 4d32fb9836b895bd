"""A connection ends when its request does not arrive in time, and a full service says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from support.virtual_loop import VirtualLoop
from uvicorn.server import ServerState

from secretary_api.http.bounded_protocol import BoundedProtocol, protocol_with
from secretary_api.http.connection_limits import ConnectionLimits

LIMITS = ConnectionLimits(
    head_sec=30, body_sec=60, requests_at_once=2, paced_paths=frozenset({b"/paced"})
)
HEAD = b"POST /some HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


class Wire(asyncio.Transport):
    """The service's end of a connection."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self.written = b""
        self.writes = 0
        self.closed_at: float | None = None

    def write(self, data: Any) -> None:
        self.written += data
        self.writes += 1

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = self._now()

    abort = close

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Application:
    """Reads each body to its end, then answers; or waits, if its client asks for /wait."""

    def __init__(self) -> None:
        self.abandoned = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/wait":
            await asyncio.sleep(1000)
        more = scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.abandoned += 1
                return
            more = message["more_body"]
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/late":
            await asyncio.sleep(5)
        await send({"type": "http.response.body", "body": b"ok"})


class Server:
    """Connections to the protocol under test."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.app = Application()
        self.config = uvicorn.Config(
            self.app, http=protocol_with(LIMITS), lifespan="off", ws="none"
        )
        self.state = ServerState()

    def connect(self) -> tuple[BoundedProtocol, Wire]:
        wire = Wire(self.loop.time)
        protocol = protocol_with(LIMITS)(self.config, self.state, {}, self.loop)
        protocol.connection_made(wire)
        return protocol, wire


def play(scene: Callable[[Server], Coroutine[Any, Any, None]]) -> None:
    async def playing() -> None:
        await scene(Server())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(playing())


def answered(wire: Wire) -> tuple[int, Any]:
    """Return the status and the error of the only answer."""
    head, _, content = wire.written.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)["error"]


def test_an_answer_is_one_write() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        for _ in range(2):
            wire.written, wire.writes = b"", 0
            protocol.data_received(HEAD + b"x" * 10)
            await asyncio.sleep(1)
            assert wire.written.startswith(b"HTTP/1.1 200 OK")
            assert wire.written.endswith(b"ok")
            assert wire.writes == 1

    play(scene)


def test_a_head_does_not_wait_for_a_late_body() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD.replace(b"/some", b"/late") + b"x" * 10)
        await asyncio.sleep(1)
        assert wire.written.startswith(b"HTTP/1.1 200 OK")
        assert not wire.written.endswith(b"ok")
        await asyncio.sleep(5)
        assert wire.written.endswith(b"ok")

    play(scene)


def test_a_late_head_is_not_written_to_a_closed_connection() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD.replace(b"/some", b"/late") + b"x" * 10)
        await asyncio.sleep(0)  # the application begins its answer
        wire.close()
        await asyncio.sleep(1)
        assert wire.written == b""

    play(scene)


def test_a_silent_connection_is_closed_without_an_answer() -> None:
    async def scene(server: Server) -> None:
        _, wire = server.connect()
        await asyncio.sleep(100)
        assert (wire.closed_at, wire.written) == (30, b"")

    play(scene)


def test_a_head_that_drips_ends_with_408_at_its_deadline() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        for byte in HEAD[:29]:
            protocol.data_received(bytes([byte]))
            await asyncio.sleep(1)
        assert wire.closed_at is None
        await asyncio.sleep(100)
        assert wire.closed_at == 30
        status, error = answered(wire)
        assert (status, error["code"]) == (408, "REQUEST_TIMEOUT")
        assert "api.head_sec" in error["message"]

    play(scene)


def test_a_head_after_another_request_has_the_same_deadline() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD + b"x" * 10)
        await asyncio.sleep(4)
        assert wire.written.endswith(b"ok")
        wire.written = b""
        protocol.data_received(b"GET ")
        await asyncio.sleep(100)
        assert wire.closed_at == 34
        assert answered(wire)[0] == 408

    play(scene)


def test_a_body_that_drips_ends_with_408_at_its_deadline() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD)
        for _ in range(5):
            await asyncio.sleep(11)
            protocol.data_received(b"x")
        assert wire.closed_at is None
        await asyncio.sleep(100)
        assert wire.closed_at == 60
        status, error = answered(wire)
        assert (status, error["code"]) == (408, "REQUEST_TIMEOUT")
        assert "api.body_sec" in error["message"]
        assert server.app.abandoned == 1

    play(scene)


def test_a_body_that_drips_after_its_answer_ends_too() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD.replace(b"/some", b"/early"))
        for _ in range(9):
            await asyncio.sleep(4)
            protocol.data_received(b"x")
        assert wire.closed_at is None
        await asyncio.sleep(4)
        assert wire.written.endswith(b"ok")
        await asyncio.sleep(100)
        assert wire.closed_at is not None
        assert wire.closed_at <= 60

    play(scene)


def test_a_route_with_its_own_pace_may_read_for_longer() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        protocol.data_received(HEAD.replace(b"/some", b"/paced/?x=1"))
        await asyncio.sleep(500)
        protocol.data_received(b"x" * 10)
        await asyncio.sleep(1)
        assert wire.written.endswith(b"ok")

    play(scene)


def test_a_request_in_time_is_answered_and_its_connection_stays() -> None:
    async def scene(server: Server) -> None:
        protocol, wire = server.connect()
        for _ in range(20):  # longer than each deadline
            protocol.data_received(HEAD)
            await asyncio.sleep(2)
            protocol.data_received(b"x" * 10)
            await asyncio.sleep(2)
        assert wire.closed_at is None
        assert wire.written.count(b"200 OK") == 20

    play(scene)


@pytest.mark.parametrize(("path", "status"), [(b"/more", b"503"), (b"/health/live", b"200")])
def test_only_health_is_answered_above_the_limit_of_requests(path: bytes, status: bytes) -> None:
    async def scene(server: Server) -> None:
        for _ in range(LIMITS.requests_at_once):
            server.connect()[0].data_received(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        protocol, wire = server.connect()
        protocol.data_received(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(1)
        assert wire.written.split()[1] == status
        if status == b"503":
            assert answered(wire)[1]["code"] == "OVERLOADED"
            assert b"\r\nretry-after: 2\r\n" in wire.written
        for task in server.state.tasks:
            task.cancel()

    play(scene)
