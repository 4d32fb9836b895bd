"""The receiver records every request byte for byte, and answers as configured."""

from __future__ import annotations

import httpx
import pytest

from secretary_devstack.servers.receiver import Receiver, ReceiverAnswer


def test_it_gives_the_configured_answers_and_records_the_bytes() -> None:
    with Receiver() as receiver:
        receiver.answer_next([503, ReceiverAnswer(204)])
        body = '{"a": "ü"}\n'.encode()
        statuses = [
            httpx.post(receiver.url("/hook?n=1"), content=body, headers={"X-Test": "1"}).status_code
            for _ in range(3)
        ]
    assert statuses == [503, 204, 200]
    assert [one.body for one in receiver.requests] == [body] * 3
    assert receiver.requests[0].path == "/hook?n=1"
    assert receiver.requests[0].headers["x-test"] == "1"
    assert receiver.requests[0].json == {"a": "ü"}


def test_it_resets_a_connection_and_records_its_request() -> None:
    with Receiver() as receiver:
        receiver.answer_next([ReceiverAnswer(reset=True)])
        with pytest.raises(httpx.TransportError):
            httpx.post(receiver.url(), content=b"first")
        assert httpx.post(receiver.url(), content=b"second").status_code == 200
    assert [(one.body, one.status) for one in receiver.requests] == [
        (b"first", 0),
        (b"second", 200),
    ]
