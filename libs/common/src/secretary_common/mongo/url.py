"""Checks ``mongo.url`` at start, so that a wrong URL ends a process with one line.

No message contains a value of the URL: an unescaped password can end up in any part of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from secretary_common.errors import ConfigurationError
from secretary_common.mongo.driver.client import CLIENT_OPTIONS
from secretary_common.mongo.driver.collection import Document

SCHEMES = ("mongodb", "mongodb+srv")
MALFORMED = (
    "not a MongoDB URL, e.g. mongodb://user:password@host:27017/?replicaSet=rs0; "
    "percent-encode special characters of the user and the password (%40 for @, %2F for /)"
)
# Options that can break a promise, in lower case, each with its only allowed value; None: not
# allowed. Reads from other members miss accepted jobs; a failover loses weaker writes.
REQUIRED: Mapping[str, str | None] = {
    "readpreference": "primary",
    "readpreferencetags": None,
    "maxstalenessseconds": None,
    "readconcernlevel": "local",
    "w": "majority",
    "journal": "true",
    "fsync": None,
    "retrywrites": "true",
    "loadbalanced": "false",
    "tz_aware": "true",
    "datetime_conversion": None,
}


def check_url(url: str) -> None:
    """Check the URL and its options without connecting.

    Raises:
        ConfigurationError: the message names the wrong option, without its value.
    """
    problem = _problem_of(url)
    if problem:
        raise ConfigurationError(f"mongo.url: {problem}")


def _problem_of(url: str) -> str | None:
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        return "it must begin with mongodb:// or mongodb+srv://"
    location, _, query = rest.partition("?")
    if "@" in query or not _is_location(location):
        return MALFORMED
    hosts = location.rpartition("@")[2].partition("/")[0].split(",")
    for problem in _option_problems(query, hosts):
        return problem
    return None if scheme == "mongodb+srv" or _fits_together(url) else "its options contradict"


def _is_location(location: str) -> bool:
    """Return whether users, hosts and database are well-formed."""
    try:
        parse_uri(f"mongodb://{location}")
    except (PyMongoError, ValueError):
        return False
    return True


def _option_problems(query: str, hosts: list[str]) -> Iterator[str]:
    seen = set()
    for pair in filter(None, query.replace(";", "&").split("&")):
        name, equals, value = pair.partition("=")
        if not equals:
            yield MALFORMED
        key, given = name.lower(), unquote(value).lower()
        if key in seen:
            yield f"the option {name} occurs twice"
        seen.add(key)
        if key in REQUIRED and given != REQUIRED[key]:
            required = REQUIRED[key]
            yield f"the option {name} must be {required}" if required else f"remove {name}"
        elif key == "directconnection" and given == "true" and len(hosts) > 1:
            yield f"the option {name} needs a URL with one host"
        elif not key.startswith("srv") and not _is_option(pair):
            yield f"the option {name} does not exist or has a wrong value"


def _is_option(pair: str) -> bool:
    try:
        parse_uri(f"mongodb://localhost/?{pair}")
    except (PyMongoError, ValueError, OSError):  # OSError: a file that the option names
        return False
    return True


def _fits_together(url: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            MongoClient[Document](url, **CLIENT_OPTIONS).close()
    except (PyMongoError, ValueError, TypeError, OSError):
        return False
    return True
