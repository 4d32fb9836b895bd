"""For any body, the answer is a success or names the client's mistake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.api_harness import FILE, Api

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=8), inner)
    ),
    max_leaves=12,
)


def near(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with *known* fields, some of them with any value."""
    fields = {name: st.just(value) | anything for name, value in known.items()}
    return st.fixed_dictionaries({}, optional=fields)


hooks = near({"url": "https://x.org", "token": "t", "jobId": "1", "secret": "s", "progress": True})
parameters = near(
    {
        "filename": FILE,
        "url": "https://x.org/a.pdf",
        "extraction_method": "native",
        "page_start": 1,
        "password": "p",
        "logins": [{"user": "u", "secret": "s"}],
    }
).flatmap(lambda given: hooks.map(lambda hook: {**given, "webhook": hook}) | st.just(given))
bodies = near(
    {
        "job_type": "pdf",
        "job_name": "n",
        "priority": 5,
        "run_at": "2027-01-01T00:00:00Z",
        "delay_sec": 1,
        "max_attempts": 3,
        "timeout_sec": 1,
        "tags": ["t"],
        "user_id": "u",
    }
).flatmap(lambda given: (parameters | anything).map(lambda it: {**given, "parameters": it}))


Ask = Callable[[bytes], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Submit to one API, which keeps its state between calls; return status and body."""
    with asyncio.Runner() as runner:
        api = Api()

        async def answer_to(content: bytes) -> tuple[int, dict[str, Any]]:
            headers = {"Content-Type": "application/json"}
            answer = await api.request("POST", "/api/jobs/", content=content, headers=headers)
            if answer.status_code == 202:
                shown = await api.get(answer.headers["location"])
                assert shown.status_code == 200, shown.text
            return answer.status_code, answer.json()

        yield lambda content: runner.run(answer_to(content))
        runner.run(api.client.aclose())


@settings(max_examples=150, deadline=None)
@given(bodies | anything)
def test_no_json_is_answered_with_a_server_error(ask: Ask, body: Any) -> None:
    status, answer = ask(json.dumps(body).encode())
    assert status in (202, 422), answer
    if status == 422:
        assert answer["error"]["message"]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_answered_with_a_server_error(ask: Ask, content: bytes) -> None:
    status, _ = ask(content)
    assert status == 422
