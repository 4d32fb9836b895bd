"""Lists API keys with the figures that their limits bound."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from secretary_api.access.keyring import Keyring
from secretary_common.models import ApiKey, KeyUsage
from secretary_common.ports import FileRepository, JobRepository


@dataclass(frozen=True, slots=True)
class KeyListing:
    """Lists API keys with their figures."""

    keyring: Keyring
    jobs: JobRepository
    files: FileRepository

    async def all(self) -> list[tuple[ApiKey, KeyUsage]]:
        """Return every key with its figures, by id."""
        keys, running, pending, sizes = await asyncio.gather(
            self.keyring.all(),
            self.jobs.running_by_owner(),
            self.jobs.pending_by_owner(),
            self.files.upload_bytes(),
        )
        counts = (running, pending, sizes)
        return [(key, KeyUsage(*(one.get(key.key_id, 0) for one in counts))) for key in keys]
