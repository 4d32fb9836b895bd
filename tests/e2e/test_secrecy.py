"""No token, secret or key is in any log line, answer, error or document of a whole run."""

import base64
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
from pymongo import MongoClient

from secretary_devstack.processes.service import run_to_end
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver, ReceiverAnswer

ENDED = {"delivered", "dead"}


def canaries(stack: Stack) -> dict[str, str]:
    """Return every secret of this run, by its kind."""
    keys = stack.keys
    made = {
        "bootstrap key": keys.bootstrap,
        "pepper": keys.pepper,
        "encryption key": keys.encryption,
        "signing secret": keys.signing,
        "token": f"token-{secrets.token_hex(16)}",
        "test token": f"trial-{secrets.token_hex(16)}",
        "secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "refused token": f"refused-{secrets.token_hex(16)}\n",
    }
    # A secret counts also without its prefix.
    raw = {f"{name}, raw": value.removeprefix("whsec_") for name, value in made.items()}
    return made | raw


def documents(mongo_url: str, database: str) -> Iterator[str]:
    """Yield every document of the database as text."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for name in client[database].list_collection_names():
            for document in client[database][name].find():
                yield f"{name}: {document!r}"


def answers(
    stack: Stack, receiver: Receiver, tried: Receiver, known: dict[str, str]
) -> Iterator[httpx.Response]:
    """Yield the API's answers in a run with successes and failures of webhooks."""
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
        made = client.post("/api/keys", json={"name": "another"})
        known["API key"] = made.json()["data"]["key"]  # only this answer shows it
        known["API key, its secret"] = known["API key"].split("_", 2)[2]
        theirs = {"Authorization": f"Bearer {known['API key']}"}
        yield client.get("/api/keys")
        hook = {"url": receiver.url(), "token": known["token"], "secret": known["secret"]}
        body = {"job_type": "custom", "parameters": {"input": "data", "webhook": hook}}
        submitted = client.post("/api/jobs/", json=body, headers=theirs)
        yield submitted
        refused = {**hook, "token": known["refused token"], "unknown": known["token"]}
        yield client.post(
            "/api/jobs/", json={**body, "parameters": {"input": "x", "webhook": refused}}
        )
        yield client.post("/api/jobs/", json={**body, "unknown": known["token"]})
        yield client.get("/api/jobs/", headers={"Authorization": "Bearer " + known["token"]})
        trial = {"url": tried.url(), "token": known["test token"]}
        yield client.post("/api/webhooks/test", json=trial)
        yield client.post("/api/webhooks/test", json={**trial, "secret": known["token"]})
        path = f"/api/jobs/{submitted.json()['data']['job_id']}"
        receiver.wait_for(
            lambda seen: sum(one.status == 500 for one in seen) >= 2, timeout_sec=60, what="tries"
        )
        yield from (client.get(f"{path}{part}") for part in ("", "/logs", "/deliveries"))
        yield client.get("/api/deliveries")
        yield client.get("/api/stats")
        yield client.get("/openapi.json")
        yield client.get("/metrics")


def echo(*known: str) -> ReceiverAnswer:
    """Return a failure that repeats everything the receiver knows."""
    return ReceiverAnswer(status=500, body=" ".join(known).encode())


def test_no_secret_is_in_an_answer_a_log_or_a_document(
    start_stack: Any, mongo_url: str, database_name: str
) -> None:
    settings = {"log.level": "debug", "notifier.retry_schedule_sec": [0, 0.2, 0.2]}
    stack = start_stack(settings=settings)
    run_to_end("secretary-init", stack.settings, stack.folder, timeout_sec=60)
    known = canaries(stack)
    with (
        Receiver(answer=echo(known["token"], known["secret"])) as receiver,
        Receiver(answer=echo(known["test token"], known["signing secret"])) as tried,
    ):
        shown = [answer.text for answer in answers(stack, receiver, tried, known)]
    stack.stop()
    logs = [log.read_text() for log in sorted(stack.folder.glob("*.log"))]
    kept = list(documents(mongo_url, database_name))
    assert len(logs) >= 4
    assert any("[redacted]" in each.lower() for each in kept), "the receiver's echo was kept"
    for where, texts in (("an answer", shown), ("a log", logs), ("a document", kept)):
        for text in texts:
            found = [name for name, value in known.items() if value.strip() in text]
            assert not found, f"{where} contains the {found}: {text[:2000]}"
