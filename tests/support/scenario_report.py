"""Output and failure of the scenarios: chaos, compose, corpus."""

from __future__ import annotations

import sys


class PromiseBroken(Exception):
    """The system did not do what it promises."""


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def expect(condition: object, otherwise: str) -> None:
    """Return if *condition* is true.

    Raises:
        PromiseBroken: it is false; the message is *otherwise*.
    """
    if not condition:
        raise PromiseBroken(otherwise)
