"""A wrong ``mongo.url`` is named with its option, and never shown."""

from __future__ import annotations

import warnings

import pytest

from secretary_common.errors import ConfigurationError
from secretary_common.mongo.url import check_url

HOSTS = "user:hunter2@h1:27017,h2:27017"


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://127.0.0.1:27017/?replicaSet=rs0",
        "mongodb://user:p%40ss%2F%25@h1,h2:27018/db?authSource=admin&tls=true&maxPoolSize=50",
        "mongodb://[::1]:27017/?directConnection=true",
        "mongodb://h/?readPreference=primary&w=majority&journal=true&retryWrites=true",
        "mongodb+srv://user:secret@cluster0.example.net/?retryWrites=true&w=majority",
        "mongodb+srv://cluster0.example.net/?srvMaxHosts=3",
    ],
)
def test_urls_of_real_systems_are_accepted(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("readPreference=secondaryPreferred", "readPreference must be primary"),
        ("readpreference=sometimes", "readpreference must be primary"),
        ("readPreference=nearest", "readPreference must be primary"),
        ("readPreferenceTags=dc:ny", "remove readPreferenceTags"),
        ("maxStalenessSeconds=120", "remove maxStalenessSeconds"),
        ("readConcernLevel=linearizable", "readConcernLevel must be local"),
        ("w=1", "w must be majority"),
        ("w=0", "w must be majority"),
        ("journal=false", "journal must be true"),
        ("fsync=true", "remove fsync"),
        ("retryWrites=false", "retryWrites must be true"),
        ("loadBalanced=true", "loadBalanced must be false"),
        ("directConnection=true", "directConnection needs a URL with one host"),
        ("datetime_conversion=DATETIME_MS", "remove datetime_conversion"),
        ("readPreference=primary&readPreference=secondary", "readPreference occurs twice"),
        ("maxPoolSize=many", "maxPoolSize does not exist or has a wrong value"),
        ("replicaset=rs0&replicaName=rs0", "replicaName does not exist"),
        ("tls=perhaps", "tls does not exist or has a wrong value"),
        ("tlsCAFile=/nowhere", "tlsCAFile does not exist or has a wrong value"),
        ("authMechanism=PASSWORD", "authMechanism does not exist or has a wrong value"),
        ("tlsInsecure=true&tlsAllowInvalidCertificates=true", "contradict"),
    ],
)
def test_an_option_that_would_break_a_promise_is_refused_by_name(options: str, named: str) -> None:
    assert named in refusal(f"mongodb://{HOSTS}/?{options}")
    if "directConnection" not in options and named != "contradict":
        assert named in refusal(f"mongodb+srv://user:hunter2@h.example.net/?{options}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:27017",
        "http://h:27017",
        "mongodb://",
        "mongodb://user:hunter2@",
        "mongodb://user:hun@ter2@h/",
        "mongodb://user:hun/ter2@h/",
        "mongodb://user:hun?ter2@h/?w=majority",
        "mongodb://user:hun%ter2@h/",
        "mongodb://user:hun:ter2@h/",
        "mongodb://user:hunter2@h:port/",
        "mongodb://user:hunter2@h:99999/",
        "mongodb://user:hunter2@h/a b",
        "mongodb://user:hunter2@h/?w",
    ],
)
def test_a_malformed_url_is_refused_without_a_part_of_the_password(url: str) -> None:
    message = refusal(url)
    for part in ("hun", "ter2"):
        assert part not in message


def refusal(url: str) -> str:
    with pytest.raises(ConfigurationError) as caught, warnings.catch_warnings(action="error"):
        check_url(url)
    message = caught.value.message
    assert message.startswith("mongo.url: ")
    assert "\n" not in message
    assert "hunter2" not in message
    return message
