"""Uploads over real sockets into a real MongoDB: large, many, too large, broken off."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from support.api_harness import data_of, error_of, refused_field
from support.api_process import AUTHORIZED, client_of, running_service

from secretary_api.http.early_answer import DISCARD_BYTES
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service

MEGABYTE = 2**20
MAX_UPLOAD_MB = 64
IN_BUFFERS = 16 * MEGABYTE
"""More than two sockets and a pipe can hold."""
HEAD = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
END = b"\r\n--XX--\r\n"


SETTINGS = {"files.max_upload_mb": MAX_UPLOAD_MB}


@pytest.fixture
def service(mongo_url: str, database_name: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(mongo_url, database_name, tmp_path, **SETTINGS) as service:
        yield service


@pytest.fixture(scope="module")
def shared_service(
    mongo_url: str, shared_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service for tests that need nothing of its log, its memory or its database."""
    folder = tmp_path_factory.mktemp("shared-service")
    with running_service(mongo_url, shared_database_name, folder, **SETTINGS) as service:
        yield service


@pytest.fixture
def database(mongo_url: str, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        yield client[database_name]


def left(database: Any) -> dict[str, int]:
    """Count the documents of files."""
    names = ("files", "fs.files", "fs.chunks")
    return {name: database[name].count_documents({}) for name in names}


NOTHING = {"files": 0, "fs.files": 0, "fs.chunks": 0}


def peak_memory(service: Service) -> int:
    """Return the peak memory of the process in bytes."""
    lines = Path(f"/proc/{service.child.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def multipart(size: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(size // MEGABYTE):
        yield os.urandom(MEGABYTE)
    yield END


def post(client: httpx.Client, content: Any) -> httpx.Response:
    headers = {"Content-Type": "multipart/form-data; boundary=XX"}
    return client.post("/api/files", content=content, headers=headers, timeout=60)


def test_a_large_upload_is_stored_completely_without_being_held_in_memory(
    service: Service, database: Any
) -> None:
    digest = hashlib.sha256()

    def content() -> Iterator[bytes]:
        for piece in multipart(MAX_UPLOAD_MB * MEGABYTE):
            if piece not in (HEAD, END):
                digest.update(piece)
            yield piece

    with client_of(service) as client:
        warm = data_of(post(client, multipart(8 * MEGABYTE)))
        before = peak_memory(service)
        data = data_of(answer := post(client, content()))
    assert answer.status_code == 201
    assert (data["size"], data["sha256"]) == (MAX_UPLOAD_MB * MEGABYTE, digest.hexdigest())
    stored = hashlib.sha256()
    chunks = database["fs.chunks"].find({"files_id": data["file_id"]}).sort("n")
    for chunk in chunks:
        stored.update(chunk["data"])
    assert stored.digest() == digest.digest()
    assert peak_memory(service) - before < MAX_UPLOAD_MB * MEGABYTE / 2
    assert warm["file_id"] != data["file_id"]


class Raw:
    """A client that sends any bytes."""

    def __init__(self, service: Service, *headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        lines = [
            "POST /api/files HTTP/1.1",
            "Host: x",
            "Content-Type: multipart/form-data; boundary=XX",
            *(f"{name}: {value}" for name, value in AUTHORIZED.items()),
            *headers,
        ]
        self.sent = 0
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Send *data*."""
        self.socket.sendall(data)
        self.sent += len(data)

    def send_until_refused(self, piece: bytes, limit: int) -> None:
        """Send until the connection is closed, or *limit* bytes are sent."""
        with contextlib.suppress(ConnectionError):
            while self.sent < limit:
                self.send(piece)

    def answer(self) -> bytes:
        """Return everything the server sends until it closes the connection."""
        said = b""
        with contextlib.suppress(ConnectionError):
            while more := self.socket.recv(65536):
                said += more
        return said


@pytest.fixture
def raw(service: Service) -> Iterator[Any]:
    opened: list[Raw] = []

    def start(*headers: str) -> Raw:
        opened.append(Raw(service, *headers))
        return opened[-1]

    yield start
    for one in opened:
        one.socket.close()


@pytest.mark.parametrize("announced", [True, False])
def test_a_client_that_sends_without_end_is_refused_and_disconnected(
    service: Service, database: Any, raw: Any, *, announced: bool
) -> None:
    length = 10**12
    client = raw(f"Content-Length: {length}" if announced else "Transfer-Encoding: chunked")
    piece = HEAD + bytes(MEGABYTE) if announced else b""
    if not announced:
        client.send(b"%x\r\n%s\r\n" % (len(HEAD), HEAD))
        piece = b"100000\r\n" + bytes(MEGABYTE) + b"\r\n"
    client.send_until_refused(piece, 10 * MAX_UPLOAD_MB * MEGABYTE)
    read = (0 if announced else MAX_UPLOAD_MB * MEGABYTE) + DISCARD_BYTES
    assert client.sent < read + IN_BUFFERS
    answer = client.answer()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()
    assert b"BODY_TOO_LARGE" in answer
    assert left(database) == NOTHING
    with client_of(service) as other:
        assert other.get("/health/live").status_code == 200


def test_a_client_library_can_read_why_its_upload_is_refused(shared_service: Service) -> None:
    size = (MAX_UPLOAD_MB + 1) * MEGABYTE
    with client_of(shared_service) as client:
        error_of(post(client, multipart(size)), 413, "BODY_TOO_LARGE")
        answer = client.post("/api/files", files={"file": ("a", bytes(size))}, timeout=60)
        error_of(answer, 413, "BODY_TOO_LARGE")


def test_a_client_without_a_key_is_disconnected_soon(shared_service: Service) -> None:
    with client_of(shared_service) as client:
        client.headers.pop("Authorization")
        error_of(post(client, multipart(40 * MEGABYTE)), 401, "UNAUTHORIZED")


def test_a_wrong_content_length_leaves_no_file(database: Any, raw: Any) -> None:
    body = HEAD + bytes(MEGABYTE) + END
    short = raw(f"Content-Length: {len(body) - 10}", "Connection: close")
    short.send(body)
    assert short.answer().startswith(b"HTTP/1.1 422")
    long = raw(f"Content-Length: {len(body) + 10}")
    long.send(body)
    long.socket.shutdown(socket.SHUT_WR)
    long.answer()
    wait_until(lambda: left(database) == NOTHING, timeout_sec=30, what="nothing left")


def test_a_client_that_disconnects_leaves_no_file(
    service: Service, database: Any, raw: Any
) -> None:
    client = raw("Content-Length: 60000000")
    client.send(HEAD + bytes(20 * MEGABYTE))
    wait_until(lambda: left(database)["fs.chunks"] > 0, timeout_sec=30, what="chunks")
    assert left(database)["files"] == 1
    client.socket.close()
    wait_until(lambda: left(database) == NOTHING, timeout_sec=30, what="nothing left")
    assert "request.abandoned" in service.log.read_text()


def test_an_upload_whose_service_is_killed_is_found_by_the_sweeper(
    service: Service, database: Any, raw: Any
) -> None:
    client = raw("Content-Length: 60000000")
    client.send(HEAD + bytes(20 * MEGABYTE))
    wait_until(lambda: left(database)["fs.chunks"] > 0, timeout_sec=30, what="chunks")
    service.child.kill()
    assert left(database)["fs.files"] == 0
    (begun,) = database["files"].find()
    chunks = database["fs.chunks"].distinct("files_id")
    assert (begun["_id"], begun["kind"]) == (chunks[0], "upload")
    assert begun["check_at"] > begun["created_at"]


def test_many_concurrent_uploads_do_not_delay_jobs(service: Service, database: Any) -> None:
    database.job_types.insert_one({"_id": "custom", "schema": None, "paused": False})

    def upload(_: int) -> int:
        with client_of(service) as client:
            return post(client, multipart(8 * MEGABYTE)).status_code

    waits: list[float] = []
    with client_of(service) as client, ThreadPoolExecutor(12) as crowd:
        client.get("/api/jobs/")
        uploading = [crowd.submit(upload, n) for n in range(24)]
        while not all(one.done() for one in uploading):
            started = time.monotonic()
            answer = client.post("/api/jobs/", json={"job_type": "custom"})
            assert answer.status_code == 202, answer.text
            waits.append(time.monotonic() - started)
            time.sleep(0.05)
        assert {one.result() for one in uploading} == {201}
    assert len(waits) > 3
    assert max(waits) < 5


def test_an_empty_upload_is_refused(shared_service: Service) -> None:
    with client_of(shared_service) as client:
        answer = client.post("/api/files", files={"file": ("a.pdf", b"")})
        refused_field(answer, "file")
