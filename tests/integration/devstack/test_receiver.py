"""The receiver remembers what came, byte for byte, and answers as told."""

from __future__ import annotations

import httpx

from secretary_devstack.receiver import Answer, Receiver


def test_it_answers_as_told_and_keeps_the_very_bytes() -> None:
    with Receiver() as receiver:
        receiver.answer_next([503, Answer(204)])
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
