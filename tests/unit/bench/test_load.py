"""The load generator submits each job once and notices each refusal."""

import asyncio
import contextlib

import pytest
from harness.load import RequestFailed, request_of, submit
from support.tcp_server import tcp_server


class FakeApi:
    """Answers requests on one port; the first *accepted* with 202, the others with 503."""

    def __init__(self, accepted: int) -> None:
        self.requests: list[bytes] = []
        self._accepted = accepted

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                length = 0
                while (header := await reader.readline()).strip():
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                self.requests.append(line + await reader.readexactly(length))
                writer.write(self._answer(len(self.requests)))

    def _answer(self, number: int) -> bytes:
        status = b"202 Accepted" if number <= self._accepted else b"503 Busy"
        body = b'{"data": {"job_id": "job-%d"}}' % number
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_each_job_is_submitted_once_over_all_connections() -> None:
    api = FakeApi(accepted=20)
    async with tcp_server(api.answer) as port:
        url = f"http://127.0.0.1:{port}"
        done = await submit(url, request_of(url, {}, {"job_type": "a"}), 20, connections=3)
    assert len(api.requests) == 20
    assert sorted(done.job_ids) == sorted(f"job-{number}" for number in range(1, 21))
    assert len(done.answers_ms) == len(done.sent_at) == 20
    assert api.requests[0] == b'POST /api/jobs/ HTTP/1.1\r\n{"job_type":"a"}'


async def test_a_refused_job_ends_the_bench_with_the_answer() -> None:
    api = FakeApi(accepted=1)
    async with tcp_server(api.answer) as port:
        url = f"http://127.0.0.1:{port}"
        with pytest.raises(RequestFailed, match="503 Busy"):
            await submit(url, request_of(url, {}, {}), 5, connections=1)
