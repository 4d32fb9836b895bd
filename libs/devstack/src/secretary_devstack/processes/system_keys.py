"""The secrets of one system."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, replace
from typing import Self

from cryptography.fernet import Fernet

from secretary_devstack.processes.service import Settings

SIGNING_SECRET_BYTES = 32


@dataclass(frozen=True)
class SystemKeys:
    """The secrets that the services of one system share."""

    bootstrap: str
    """The admin API key."""
    pepper: str
    encryption: str
    signing: str
    """The secret that signs webhooks, ``whsec_…``."""

    @classmethod
    def make(cls) -> Self:
        """Return fresh random keys."""
        signing = base64.b64encode(secrets.token_bytes(SIGNING_SECRET_BYTES)).decode()
        return cls(
            bootstrap=f"sk_{secrets.token_urlsafe(24)}",
            pepper=secrets.token_hex(32),
            encryption=Fernet.generate_key().decode(),
            signing=f"whsec_{signing}",
        )

    def replaced_by(self, settings: Settings) -> Self:
        """Return these secrets, but with the admin key of *settings* if *settings* has one."""
        given = settings.get("api.bootstrap_key")
        return replace(self, bootstrap=str(given)) if given else self
