"""Profiles: what ``secretary login`` stores, and which URL and key a command then uses."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.misbehaving_api import MisbehavingApi, failure, success

from secretary_client.cli.profiles import stored_profiles
from secretary_client.main import main

Output = pytest.CaptureFixture[str]


@pytest.fixture
def api() -> Iterator[MisbehavingApi]:
    with MisbehavingApi() as running:
        yield running


def logged_in(api: MisbehavingApi, name: str, key: str) -> None:
    api.follow(success({"job_types": []}))
    assert main(["login", name, "--url", api.url, "--key", key]) == 0


def keys_sent(api: MisbehavingApi) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in api.requests]


def jobs_of(api: MisbehavingApi, *options: str) -> int:
    api.follow(success({"jobs": [], "next": None}))
    return main(["list", *options])


def test_a_login_is_stored_for_its_owner_only_and_used_later(
    api: MisbehavingApi, config: Path
) -> None:
    logged_in(api, "work", 'sk_"1')
    file = config / "profiles.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert list(config.iterdir()) == [file]
    assert jobs_of(api) == 0
    assert keys_sent(api) == ['sk_"1', 'sk_"1']


def test_a_refused_key_is_not_stored(api: MisbehavingApi, config: Path) -> None:
    api.follow(failure(401, "UNAUTHORIZED"))
    assert main(["login", "--url", api.url, "--key", "sk_wrong"]) == 1
    assert not config.exists()


def test_a_profile_is_chosen_by_name_and_the_last_login_is_the_default(
    api: MisbehavingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(api, "a", "sk_a")
    logged_in(api, "b", "sk_b")
    assert jobs_of(api) == 0
    assert jobs_of(api, "--profile", "a") == 0
    monkeypatch.setenv("SECRETARY_PROFILE", "a")
    assert jobs_of(api) == 0
    assert keys_sent(api)[2:] == ["sk_b", "sk_a", "sk_a"]
    assert main(["list", "--profile", "c"]) == 1
    assert main(["logout", "b"]) == 0
    assert stored_profiles().default == "a"


def test_the_key_of_a_profile_is_not_sent_to_another_url(
    api: MisbehavingApi, capsys: Output
) -> None:
    logged_in(api, "work", "sk_1")
    assert main(["list", "--url", "http://other.example"]) == 2
    assert "no API key for http://other.example" in capsys.readouterr().err


def test_a_profile_has_its_url_in_any_spelling(api: MisbehavingApi) -> None:
    spelling = f"{api.url.removeprefix('http://')}/ "
    api.follow(success({"job_types": []}))
    assert main(["login", "--url", spelling, "--key", "sk_1"]) == 0
    assert stored_profiles().by_name["default"].url == api.url
    assert jobs_of(api, "--url", spelling) == 0
    assert keys_sent(api) == ["sk_1", "sk_1"]


def test_a_given_key_goes_before_the_profile(api: MisbehavingApi) -> None:
    logged_in(api, "work", "sk_1")
    assert jobs_of(api, "--key", "sk_2") == 0
    assert keys_sent(api)[1] == "sk_2"


def test_profiles_are_listed_without_their_keys(api: MisbehavingApi, capsys: Output) -> None:
    logged_in(api, "work", "sk_1")
    capsys.readouterr()
    assert main(["profiles", "--json"]) == 0
    written = capsys.readouterr().out
    assert '"profile": "work"' in written
    assert "sk_1" not in written


def test_a_damaged_file_is_named(config: Path, capsys: Output) -> None:
    config.mkdir()
    (config / "profiles.toml").write_text("profiles = 3")
    assert main(["list"]) == 1
    assert "profiles.toml: " in capsys.readouterr().err


def test_an_api_that_is_away_is_named_at_once_with_the_time_of_the_tries(
    api: MisbehavingApi, capsys: Output
) -> None:
    url = api.url.removeprefix("http://")
    api.follow(failure(503, "STORE_UNAVAILABLE"), failure(503, "STORE_UNAVAILABLE"))
    assert jobs_of(api, "--url", url, "--key", "k", "--retry-sec", "30") == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"secretary: http://{url} does not answer (STORE_UNAVAILABLE: why)")
    assert line.endswith("trying for 30 s")


def test_an_empty_key_is_not_stored_even_if_another_profile_has_the_url(
    api: MisbehavingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(api, "work", "sk_1")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["login", "other", "--url", api.url]) == 2
    assert list(stored_profiles().by_name) == ["work"]
