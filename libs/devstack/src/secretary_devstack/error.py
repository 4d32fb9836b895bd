"""Errors of starting and stopping real servers."""

from __future__ import annotations


class NotInTime(Exception):
    """An awaited condition did not become true in time."""


class ChildFailed(Exception):
    """A child process ended or did not become ready; the message has the end of its log."""


class ServerMissing(Exception):
    """The server's program is not installed here."""
