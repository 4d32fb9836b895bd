"""What a person reads of the run, and what ends it."""

from __future__ import annotations

import sys


class PromiseBroken(Exception):
    """Something is not as it should be."""


def say(text: str) -> None:
    """One line for the reader."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def expect(condition: object, otherwise: str) -> None:
    """Go on if *condition* holds.

    Raises:
        PromiseBroken: saying *otherwise*.
    """
    if not condition:
        raise PromiseBroken(otherwise)
