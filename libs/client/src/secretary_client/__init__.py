"""A client of Secretary: submit jobs, follow them, fetch their results and files.

::

    with Client("http://localhost:5001", "sk_…") as secretary:
        results = secretary.run("pdf", {"filename": "sample.pdf"})

The package also has the command ``secretary``. The package uses the API over HTTP only, and imports
no other package of the project.
"""

from secretary_client.client import Client
from secretary_client.error import ApiError, JobFailed, JobNotEnded, Unreachable, WaitTimeout
from secretary_client.event import Event

__all__ = [
    "ApiError",
    "Client",
    "Event",
    "JobFailed",
    "JobNotEnded",
    "Unreachable",
    "WaitTimeout",
]
