"""What can go wrong when real servers are started."""

from __future__ import annotations


class NotInTime(Exception):
    """Something awaited did not happen within its time."""


class ChildFailed(Exception):
    """A child process ended, or did not get ready; the message has the end of its log."""


class ServerMissing(Exception):
    """The server's program is not installed here."""
