"""Writes the secrets docker-compose.yml needs into ``.env``: fresh ones, only those it lacks.

Run it with any Python 3.11: ``python3 deploy/compose/make_env.py [file]``.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

KEY_BYTES = 32
HEADING = "# Secrets of this installation. Keep a copy: without the encryption keys, what MongoDB\n"
HEADING += "# stores encrypted is lost; without the pepper, no API key is valid.\n"


def fresh_secrets() -> dict[str, str]:
    """New values of everything that has no safe default, as the services read them."""
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    signing_secret = f"whsec_{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    return {
        "SECRETARY_API__BOOTSTRAP_KEY": f"sk_{secrets.token_urlsafe(KEY_BYTES)}",
        "SECRETARY_API__PEPPER": secrets.token_hex(KEY_BYTES),
        "SECRETARY_SECURITY__ENCRYPTION_KEYS": f'["{fernet_key}"]',
        "SECRETARY_NOTIFIER__SIGNING_SECRETS": f'["{signing_secret}"]',
        # Stands in URLs: hexadecimal needs no escaping there.
        "RABBITMQ_PASSWORD": secrets.token_hex(KEY_BYTES),
    }


def names_in(text: str) -> set[str]:
    """The variables that *text*, in the form of an ``.env`` file, gives a value."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip() for name, _, value in pairs if value.strip("'\" ")}


def complete(path: Path) -> list[str]:
    """Append to *path* what it lacks; nobody but its owner may read it. Returns the names."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADING
    present = names_in(text)
    missing = {name: value for name, value in fresh_secrets().items() if name not in present}
    if missing:
        separator = "" if text.endswith("\n") else "\n"
        lines = "".join(f"{name}='{value}'\n" for name, value in missing.items())
        _write_privately(path, f"{text}{separator}{lines}")
    return list(missing)


def _write_privately(path: Path, text: str) -> None:
    """All of it or nothing: a file cut short would lose the keys that were in it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def main() -> None:
    """Complete the file named on the command line, else ``.env``."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    added = complete(path)
    print(f"{path}:", f"added {', '.join(added)}" if added else "has all it needs")


if __name__ == "__main__":
    main()
