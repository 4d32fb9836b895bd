"""Sessions of the dashboard: a key signs in, and the session may do what the key may do."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from support.api_harness import ADMIN_KEY, PEPPER, Api, data_of, error_of

from secretary_api.access.keyring import Keyring
from secretary_api.access.sessions import COOKIE, CSRF_HEADER, LIFETIME, Sessions
from secretary_common.errors import Unauthorized


async def sign_in(api: Api, key: str = ADMIN_KEY, **options: Any) -> dict[str, Any]:
    answer = await api.request("POST", "/api/session", key=key, **options)
    shown: dict[str, Any] = data_of(answer)["session"]
    return shown


async def call(api: Api, method: str, path: str, **options: Any) -> httpx.Response:
    """Send a request with the session's cookie only."""
    return await api.request(method, path, key=None, **options)


def cookie_of(answer: httpx.Response) -> Any:
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE]


async def test_a_session_sees_what_its_key_sees(api: Api) -> None:
    key, other = await api.new_key(), await api.new_key()
    mine = data_of(await api.submit(key=key))["job_id"]
    await api.submit(key=other)
    await sign_in(api, key)
    listed = data_of(await call(api, "GET", "/api/jobs/"))["jobs"]
    assert [job["job_id"] for job in listed] == [mine]
    error_of(await call(api, "GET", "/api/keys"), 403, "FORBIDDEN")


async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(api: Api) -> None:
    cookie = cookie_of(await api.request("POST", "/api/session"))
    assert cookie["httponly"]
    assert cookie["samesite"] == "strict"
    assert cookie["path"] == "/"
    assert int(cookie["max-age"]) == LIFETIME.total_seconds()
    assert not cookie["secure"]


async def test_behind_tls_the_cookie_is_for_https_only(api: Api) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    assert cookie_of(await api.request("POST", "/api/session", headers=headers))["secure"]


async def test_the_cookie_does_not_contain_the_key(api: Api) -> None:
    key = await api.new_key()
    cookie = cookie_of(await api.request("POST", "/api/session", key=key))
    assert key.split("_", 2)[2] not in cookie.value


@pytest.mark.parametrize("key", [None, "sk_0123456789ab_wrong"])
async def test_only_a_known_key_signs_in(api: Api, key: str | None) -> None:
    answer = await api.request("POST", "/api/session", key=key)
    error_of(answer, 401, "UNAUTHORIZED")
    assert "set-cookie" not in answer.headers


async def test_a_session_cannot_begin_another_session(api: Api) -> None:
    await sign_in(api)
    error_of(await call(api, "POST", "/api/session"), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
async def test_a_change_needs_the_csrf_token(api: Api, token: str) -> None:
    await sign_in(api)
    headers = {CSRF_HEADER: token.encode()} if token else {}
    answer = await call(api, "POST", "/api/jobs/", json={"job_type": "custom"}, headers=headers)
    error_of(answer, 403, "FORBIDDEN")
    assert not api.jobs.jobs


async def test_a_change_with_the_csrf_token_is_made(api: Api) -> None:
    token = (await sign_in(api))["csrf_token"]
    for path in ("/api/jobs/", "/api/keys"):
        body = {"job_type": "custom"} if path == "/api/jobs/" else {"name": "n"}
        answer = await call(api, "POST", path, json=body, headers={CSRF_HEADER: token})
        assert answer.is_success, answer.text


async def test_the_csrf_token_of_another_session_is_refused(api: Api) -> None:
    other = (await sign_in(api))["csrf_token"]
    await sign_in(api)
    answer = await call(
        api, "POST", "/api/jobs/", json={"job_type": "custom"}, headers={CSRF_HEADER: other}
    )
    error_of(answer, 403, "FORBIDDEN")


async def test_the_scopes_of_the_key_bound_the_session(api: Api) -> None:
    token = (await sign_in(api, await api.new_key(scopes=["read"])))["csrf_token"]
    assert (await call(api, "GET", "/api/jobs/")).is_success
    answer = await call(
        api, "POST", "/api/jobs/", json={"job_type": "custom"}, headers={CSRF_HEADER: token}
    )
    assert "submit" in error_of(answer, 403, "FORBIDDEN")["message"]


async def test_a_key_in_the_header_counts_more_than_a_session(api: Api) -> None:
    key = await api.new_key()
    await sign_in(api)
    error_of(await api.get("/api/keys", key=key), 403, "FORBIDDEN")


async def test_the_session_is_shown_and_without_one_there_is_null(api: Api) -> None:
    assert data_of(await call(api, "GET", "/api/session")) == {"session": None}
    key = await api.new_key("wiki", scopes=["read", "submit"])
    began = await sign_in(api, key)
    shown = data_of(await call(api, "GET", "/api/session"))["session"]
    assert shown == began
    assert shown["name"] == "wiki"
    assert shown["scopes"] == ["read", "submit"]
    assert not shown["is_admin"]


async def test_a_session_ends_after_its_lifetime(api: Api) -> None:
    await sign_in(api)
    api.clock.advance(LIFETIME.total_seconds() - 1)
    assert (await call(api, "GET", "/api/jobs/")).is_success
    api.clock.advance(1)
    error_of(await call(api, "GET", "/api/jobs/"), 401, "UNAUTHORIZED")
    assert data_of(await call(api, "GET", "/api/session")) == {"session": None}


async def test_a_session_ends_when_its_key_is_deleted(api: Api) -> None:
    key = await api.new_key()
    await sign_in(api, key)
    await api.request("DELETE", f"/api/keys/{key.split('_')[1]}")
    error_of(await call(api, "GET", "/api/jobs/"), 401, "UNAUTHORIZED")


async def test_a_session_ends_when_its_key_expires(api: Api) -> None:
    expires_at = (api.clock.now() + timedelta(minutes=5)).isoformat()
    await sign_in(api, await api.new_key(expires_at=expires_at))
    api.clock.advance(301)
    error_of(await call(api, "GET", "/api/jobs/"), 401, "UNAUTHORIZED")


async def test_a_session_ends_when_the_bootstrap_key_is_replaced(api: Api) -> None:
    def sessions(bootstrap_key: str) -> Sessions:
        keyring = Keyring(api.keys, api.clock, pepper=PEPPER, bootstrap_key=bootstrap_key)
        return Sessions(keyring, api.clock, pepper=PEPPER)

    await sign_in(api)
    cookie = api.client.cookies[COOKIE]
    assert (await sessions(ADMIN_KEY).principal(cookie, "GET", None)).is_admin
    for replaced in ("another bootstrap key", ""):
        with pytest.raises(Unauthorized):
            await sessions(replaced).principal(cookie, "GET", None)


@pytest.mark.parametrize(
    "change",
    [
        lambda cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        lambda cookie: cookie.replace("bootstrap.", "bootstrap.9", 1),
        lambda _: "",
        lambda _: "a.b.c.d",
        lambda _: "bootstrap.99999999999999999999.x.y",
        lambda _: "...",
    ],
    ids=["signature", "later end", "empty", "no time", "huge time", "dots"],
)
async def test_a_changed_cookie_is_refused(api: Api, change: Any) -> None:
    await sign_in(api)
    cookie = change(api.client.cookies[COOKIE])
    api.client.cookies.clear()
    answer = await call(api, "GET", "/api/jobs/", headers={"Cookie": f"{COOKIE}={cookie}"})
    error_of(answer, 401, "UNAUTHORIZED")


async def test_signing_out_removes_the_cookie(api: Api) -> None:
    await sign_in(api)
    assert data_of(await call(api, "DELETE", "/api/session")) == {"session": None}
    assert COOKIE not in api.client.cookies
    error_of(await call(api, "GET", "/api/jobs/"), 401, "UNAUTHORIZED")
