"""A client of Secretary: submit jobs, follow them, fetch their results and files.

::

    with Client("http://localhost:5001", "sk_…") as secretary:
        results = secretary.run("pdf", {"file_id": secretary.upload("sample.pdf")})

``AsyncClient`` has the same methods for an event loop. The package also has the command
``secretary`` (extra ``cli``). The package uses the API over HTTP only, and imports no other package
of the project.
"""

from secretary_client import models
from secretary_client.async_client import AsyncClient
from secretary_client.client import Client
from secretary_client.core.repetition import Retry
from secretary_client.error import (
    ApiError,
    InvalidWebhook,
    JobFailed,
    JobNotEnded,
    Unreachable,
    WaitTimeout,
)
from secretary_client.event import Event, FeedEvent
from secretary_client.webhook import verify_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Event",
    "FeedEvent",
    "InvalidWebhook",
    "JobFailed",
    "JobNotEnded",
    "Retry",
    "Unreachable",
    "WaitTimeout",
    "models",
    "verify_webhook",
]
