"""Makes the secrets of an installation and gives each container of docker-compose.yml its own.

The service ``secrets`` runs this before all others, at each ``docker compose up``. A secret that
``.env`` names is taken from there; the others are made once and kept in a volume. No container has
a secret in its environment: each service reads files from a volume of its own.

    make_secrets.py         fill the volumes
    make_secrets.py show    print all secrets as lines for ``.env``, for a backup
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import sys
from pathlib import Path
from urllib.parse import quote

ENV_FILE = Path("/installation/.env")
VOLUMES = Path("/secrets")
DATA = Path("/data")
OURS, SERVERS, PROMETHEUS, GRAFANA = 10001, 999, 65534, 472
"""The users of Secretary's containers and Caddy's, of MongoDB's and RabbitMQ's, and of others."""
OWNERS = {
    **dict.fromkeys(("mongo", "rabbitmq"), SERVERS),
    "prometheus": PROMETHEUS,
    "grafana": GRAFANA,
}
"""The owners of volumes whose owner is not ``OURS``, by the service that mounts them."""

KEY_BYTES = 32
MONGO_USERS = ("operator", "init", "api", "worker", "notifier")
BROKER_USERS = ("init", "api", "worker", "notifier")
OPTIONAL = (
    "SECRETARY_MISTRAL__API_KEY",
    "SECRETARY_VISION__API_KEY",
    "SECRETARY_LLM__API_KEY",
    "SECRETARY_TRANSCRIPTION__API_KEY",
    "SECRETARY_SECURITY__PROXY_URL",
)
"""Secrets that only the operator knows or wants; empty if ``.env`` names none."""

_VARIABLE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=(.*)")
_IN_SINGLE_QUOTES = re.compile(r"'([^']*)'\s*(?:#.*)?$")
_IN_DOUBLE_QUOTES = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$')
_COMMENT = re.compile(r"(?:^|\s+)#.*")

LISTS = ("SECRETARY_SECURITY__ENCRYPTION_KEYS", "SECRETARY_NOTIFIER__SIGNING_SECRETS")

# What each user may do in RabbitMQ: create queues, write to exchanges, read from queues.
_QUEUES, _RINGS, _NOTHING = r"^secretary\.", r"^amq\.default$", "^$"
BROKER_PERMISSIONS = {
    "init": (_QUEUES, _NOTHING, _NOTHING),
    "api": (_NOTHING, _RINGS, _NOTHING),
    # Workers with handlers of their own create queues for their job types.
    "worker": (r"^secretary\.jobs\.", _RINGS, r"^secretary\.jobs\."),
    "notifier": (_NOTHING, _RINGS, r"^secretary\.deliveries(:quick)?$"),
}
_POLICY_MAKER = "init"


def fresh_secrets() -> dict[str, str]:
    """Return new values of all secrets that can be made, by their names in ``.env``."""
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    signing_secret = f"whsec_{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    passwords = [f"MONGO_{user.upper()}_PASSWORD" for user in MONGO_USERS]
    passwords += [f"RABBITMQ_{user.upper()}_PASSWORD" for user in BROKER_USERS]
    return {
        "SECRETARY_API__BOOTSTRAP_KEY": f"sk_{secrets.token_urlsafe(KEY_BYTES)}",
        "SECRETARY_API__PEPPER": secrets.token_hex(KEY_BYTES),
        "SECRETARY_SECURITY__ENCRYPTION_KEYS": fernet_key,
        "SECRETARY_NOTIFIER__SIGNING_SECRETS": signing_secret,
        "SECRETARY_SECURITY__METRICS_TOKEN": secrets.token_hex(KEY_BYTES),
        "GRAFANA_PASSWORD": secrets.token_urlsafe(KEY_BYTES),
        "MONGO_KEY": secrets.token_hex(KEY_BYTES),
        **{name: secrets.token_hex(KEY_BYTES) for name in passwords},
    }


def values_in(text: str) -> dict[str, str]:
    """Return the variables with a value in *text*, the content of an ``.env`` file.

    Quotes, comments and ``export`` count as they do for Compose. A JSON list becomes lines, as in a
    file that holds a list of secrets.

    Raises:
        SystemExit: a value begins like a list and is none. The message names the variable.
    """
    found = {}
    for line in text.splitlines():
        if match := _VARIABLE.match(line):
            name, value = match[1], _unquoted(match[2].strip())
            found[name] = _listed(name, value) if value.startswith("[") else value
    return {name: value for name, value in found.items() if value}


def _unquoted(text: str) -> str:
    """Return the value of a variable without its quotes, and without a comment after it."""
    if match := _IN_SINGLE_QUOTES.match(text):
        return match[1]
    if match := _IN_DOUBLE_QUOTES.match(text):
        return re.sub(r"\\(.)", r"\1", match[1])
    return _COMMENT.sub("", text).strip("'\"")


def _quoted(value: str) -> str:
    """Return *value* as ``_unquoted`` reads it."""
    if "'" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _listed(name: str, value: str) -> str:
    try:
        return "\n".join(json.loads(value))
    except (ValueError, TypeError):
        sys.exit(f'{name} in .env is no JSON list of texts: write ["first", "second"]')


def complete(given: dict[str, str], kept: dict[str, str]) -> dict[str, str]:
    """Return all secrets: each as *given*, else as *kept* before, else a new one.

    An empty one that was kept is new too: an earlier version did not make all of them.
    """
    made = {name: kept.get(name) or fresh for name, fresh in fresh_secrets().items()}
    made |= dict.fromkeys(OPTIONAL, "")
    return {name: given.get(name, value) for name, value in made.items()}


def files_of(known: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the files of each volume, with their content. Settings have the names of settings."""

    def settings(user: str, *names: str) -> dict[str, str]:
        found = {name.removeprefix("SECRETARY_").lower(): known[name] for name in names}
        mongo, broker = (
            _in_url(known[f"{one}_{user.upper()}_PASSWORD"]) for one in ("MONGO", "RABBITMQ")
        )
        found["mongo__url"] = f"mongodb://{user}:{mongo}@mongo:27017/?replicaSet=rs0"
        found["broker__url"] = f"amqp://{user}:{broker}@rabbitmq:5672/"
        return found

    keys, token = "SECRETARY_SECURITY__ENCRYPTION_KEYS", "SECRETARY_SECURITY__METRICS_TOKEN"
    management = _in_url(known["RABBITMQ_INIT_PASSWORD"])
    operator = _in_url(known["MONGO_OPERATOR_PASSWORD"])
    users = {user: known[f"MONGO_{user.upper()}_PASSWORD"] for user in MONGO_USERS}
    return {
        "api": settings(
            "api", keys, token, "SECRETARY_API__BOOTSTRAP_KEY", "SECRETARY_API__PEPPER"
        ),
        "worker": settings("worker", keys, token, *OPTIONAL),
        "notifier": settings(
            "notifier",
            *(keys, token, "SECRETARY_NOTIFIER__SIGNING_SECRETS", "SECRETARY_SECURITY__PROXY_URL"),
        ),
        "init": {
            **settings("init"),
            "broker__management_url": f"http://init:{management}@rabbitmq:15672",
            "mongo_users.json": json.dumps(users),
        },
        "mongo": {
            "key": known["MONGO_KEY"],
            "tools.yaml": f"uri: mongodb://operator:{operator}@127.0.0.1:27017/?authSource=admin\n",
        },
        "rabbitmq": {"definitions.json": json.dumps(definitions(known))},
        "prometheus": {"metrics_token": known[token]},
        "grafana": {"admin_password": known["GRAFANA_PASSWORD"]},
    }


def _in_url(password: str) -> str:
    """Return *password* as a part of a URL; an operator's own password may have any character."""
    return quote(password, safe="")


def definitions(known: dict[str, str]) -> dict[str, object]:
    """Return the users and permissions that RabbitMQ loads at each start."""
    users = [
        {
            "name": user,
            "password_hash": _broker_hash(known[f"RABBITMQ_{user.upper()}_PASSWORD"]),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["policymaker"] if user == _POLICY_MAKER else [],
        }
        for user in BROKER_USERS
    ]
    permissions = [
        {"user": user, "vhost": "/", "configure": configure, "write": write, "read": read}
        for user, (configure, write, read) in BROKER_PERMISSIONS.items()
    ]
    return {"vhosts": [{"name": "/"}], "users": users, "permissions": permissions}


def _broker_hash(password: str) -> str:
    """Return RabbitMQ's form of a password: salt and SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def fill(folder: Path, files: dict[str, str], owner: int) -> None:
    """Put *files* into *folder*, for *owner* alone; remove all others. Equal files stay."""
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        draft, path = folder / f".{name}.new", folder / name
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
            file.write(content)
        os.chown(draft, owner, owner)
        draft.replace(path)
    if folder.stat().st_uid == os.getuid():  # a new volume
        folder.chmod(0o500)
        os.chown(folder, owner, owner)


def give(top: Path, owner: int) -> None:
    """Make *owner* the owner of the folder *top* and of everything in it."""
    for folder, _, names in os.walk(top):
        # A volume may have tens of thousands of files.
        paths = (os.path.join(folder, name) for name in names)  # noqa: PTH118 - faster than Path
        for path in (folder, *paths):
            if os.lstat(path).st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)


def kept_in(folder: Path) -> dict[str, str]:
    """Return the secrets that an earlier run has kept."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def main() -> None:
    """Fill the volumes, or show the secrets."""
    store = VOLUMES / "all"
    if sys.argv[1:] == ["show"]:
        for name, value in sorted(kept_in(store).items()):
            shown = json.dumps(value.split()) if name in LISTS else value
            if shown:
                print(f"{name}={_quoted(shown)}")
        return
    given = values_in(ENV_FILE.read_text(encoding="utf-8-sig")) if ENV_FILE.is_file() else {}
    kept = kept_in(store)
    known = complete(given, kept)
    fill(store, known, os.getuid())
    for volume, files in files_of(known).items():
        fill(VOLUMES / volume, files, OWNERS.get(volume, OURS))
    for folder in DATA.iterdir():
        give(folder, OWNERS.get(folder.name, OURS))
    made = sorted(set(known) - set(kept) - set(given) - set(OPTIONAL))
    print("made:", ", ".join(made) or "nothing, all secrets were there")


if __name__ == "__main__":
    main()
