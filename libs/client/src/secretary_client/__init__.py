"""A client of Secretary: submit jobs, follow them, fetch what they left.

::

    with Client("http://localhost:5001", "sk_…") as secretary:
        results = secretary.run("pdf", {"filename": "sample.pdf"})
"""

from secretary_client.client import Client
from secretary_client.error import ApiError, JobFailed, Unreachable
from secretary_client.event import Event

__all__ = ["ApiError", "Client", "Event", "JobFailed", "Unreachable"]
