"""Adds the secrets that docker-compose.yml needs to ``.env``: fresh ones for those missing.

Run it with any Python 3.11: ``python3 deploy/compose/make_env.py [file]``.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

KEY_BYTES = 32
HEADING = """\
# Secrets of this installation. Keep a copy: without the encryption keys, encrypted data
# in MongoDB is lost; without the pepper, no API key is valid.
"""


def fresh_secrets() -> dict[str, str]:
    """Return new values of the settings without a safe default, in the form the services read."""
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    signing_secret = f"whsec_{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    return {
        "SECRETARY_API__BOOTSTRAP_KEY": f"sk_{secrets.token_urlsafe(KEY_BYTES)}",
        "SECRETARY_API__PEPPER": secrets.token_hex(KEY_BYTES),
        "SECRETARY_SECURITY__ENCRYPTION_KEYS": f'["{fernet_key}"]',
        "SECRETARY_NOTIFIER__SIGNING_SECRETS": f'["{signing_secret}"]',
        # It is part of URLs, where hexadecimal digits need no escaping.
        "RABBITMQ_PASSWORD": secrets.token_hex(KEY_BYTES),
    }


def names_in(text: str) -> set[str]:
    """Return the variables that have a value in *text*, the content of an ``.env`` file."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip() for name, _, value in pairs if value.strip("'\" ")}


def complete(path: Path) -> list[str]:
    """Add the missing secrets to *path*, which only its owner may read; return their names."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADING
    present = names_in(text)
    missing = {name: value for name, value in fresh_secrets().items() if name not in present}
    if missing:
        separator = "" if text.endswith("\n") else "\n"
        lines = "".join(f"{name}='{value}'\n" for name, value in missing.items())
        _write_privately(path, f"{text}{separator}{lines}")
    return list(missing)


def _write_privately(path: Path, text: str) -> None:
    """Replace the file as a whole, because an incomplete file would lose its keys."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def main() -> None:
    """Complete the file that the command line names, else ``.env``."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    added = complete(path)
    print(f"{path}:", f"added {', '.join(added)}" if added else "nothing was missing")


if __name__ == "__main__":
    main()
