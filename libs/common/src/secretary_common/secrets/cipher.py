"""Secrets at rest: Fernet with a list of keys; the first key encrypts."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from secretary_common.errors import PermanentError
from secretary_common.models import SealedSecret


class UnknownKey(PermanentError):
    """A stored secret was sealed with an unknown key."""


class Cipher:
    """Seals secrets before they are stored, and opens them where they are used."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        """*keys* are Fernet keys, at least one; the first encrypts, all decrypt (rotation)."""
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def seal(self, secret: str) -> SealedSecret:
        """Return *secret*, encrypted."""
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def open(self, sealed: SealedSecret) -> str:
        """Return the secret in *sealed*.

        Raises:
            UnknownKey: no key of the list decrypts *sealed*.
        """
        try:
            return self._fernet.decrypt(sealed.encode("ascii")).decode()
        except InvalidToken:
            raise UnknownKey from None
