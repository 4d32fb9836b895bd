"""Measures whether the time of a regular expression grows faster than the text it reads.

``re`` cannot be interrupted and holds the interpreter's lock, so one text of a client would stop
every thread of a service.

``python -m support.linear_pattern PACKAGE…`` checks every pattern of these packages.
"""

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from support.pattern_attack import Attack, attacks_on
from support.pattern_search import METHODS, patterns_of

SIZES = (2000, 8000)
"""Characters of the first two tries: a cubic pattern shows in the first, a quadratic in both."""
LARGEST = 512_000
GROWTH = 4
MOST_GROWTH = 8.0
"""Times the CPU time for four times the text: 4 is linear, 16 quadratic."""
QUICK_SEC_PER_CHARACTER = 0.3e-6
SHORTEST_SEC = 0.02
"""Shorter times are too uncertain to be compared."""
MOST_SEC = 2.0
"""CPU time for all texts of one size; an exponential pattern is interrupted here."""


class TooSlow(Exception):
    """The pattern took all the CPU time it may have."""


@dataclass(frozen=True)
class Slow:
    """A text on which a pattern is more than linear."""

    method: str
    text: str
    """As an expression: prefix, pump and suffix."""
    sizes: tuple[int, int]
    seconds: tuple[float, float]

    def __str__(self) -> str:
        (first, second), (less, more) = self.sizes, self.seconds
        return (
            f"{self.method} on {self.text}: {first} characters take {less * 1000:.1f} ms, "
            f"{second} take {more * 1000:.1f} ms"
        )


def slow_text(
    pattern: re.Pattern[Any],
    methods: Sequence[str] = METHODS,
    attacks: Sequence[Attack] = (),
) -> Slow | None:
    """Return the first text on which *pattern* is slower than linear; None if there is none.

    Args:
        pattern: the pattern.
        methods: the methods of ``re.Pattern`` to try.
        attacks: further attacks to try, before the attacks made from the pattern itself.
    """
    for method in methods:
        run = _runner(pattern, method)
        for attack in (*attacks, *attacks_on(pattern)):
            if slow := _growth(run, pattern, method, attack):
                return slow
    return None


def _runner(pattern: re.Pattern[Any], method: str) -> Callable[[Any], Any]:
    if method == "sub":
        empty = "" if isinstance(pattern.pattern, str) else b""
        return lambda text: pattern.sub(empty, text)
    bound: Callable[[Any], Any] = getattr(pattern, method)
    return bound


def _growth(
    run: Callable[[Any], Any], pattern: re.Pattern[Any], method: str, attack: Attack
) -> Slow | None:
    """Return what shows that *run* is more than linear on *attack*; None if it is linear.

    Sizes grow until the time is long enough to be compared. Each doubt is settled by the shortest
    of several runs, because a busy machine makes runs longer, never shorter.
    """
    size = SIZES[0]
    text = attack.of(size, pattern)
    took = _seconds(run, text)
    while size < LARGEST and (size < SIZES[1] or took > QUICK_SEC_PER_CHARACTER * size):
        larger = size * GROWTH
        if took > MOST_SEC / 2:
            return Slow(method, str(attack), (size, size), (took, took))
        more = _seconds(run, attack.of(larger, pattern))
        if more > MOST_GROWTH * took and more > SHORTEST_SEC:
            took = min(_seconds(run, text) for _ in range(3))
            more = min(more, _seconds(run, attack.of(larger, pattern)))
            if more > MOST_GROWTH * took:
                return Slow(method, str(attack), (size, larger), (took, more))
        if more > SHORTEST_SEC:
            return None
        size, text, took = larger, attack.of(larger, pattern), more
    return None


def _seconds(run: Callable[[Any], Any], text: Any) -> float:
    begun = time.thread_time()
    try:
        with _interrupted_after(MOST_SEC):
            run(text)
    except TooSlow:
        pass
    return time.thread_time() - begun


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Raise ``TooSlow`` after *seconds* of CPU time; ``re`` checks for signals as it backtracks."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# Worst cases that were found by hand or in attacks.
KNOWN = {
    "secretary_documents.templates.placeholder._PLACEHOLDER": [
        Attack("a", " ", "!"),
        Attack("a:b", " ", "!"),
    ],
    "secretary_documents.web.caption._VOICE": [Attack("", "<v.", ""), Attack("<v", " ", "")],
    "secretary_documents.web.caption._TAG": [Attack("", "<a", ""), Attack("", "{\\", "")],
    "secretary_documents.providers.structure._FENCED": [
        Attack("```", "\n", ""),
        Attack("", "```\n", ""),
    ],
    "secretary_documents.web.visible_metadata._LINK": [Attack("", "[", ""), Attack("", "[](", "")],
    "secretary_documents.web.charset._META": [
        Attack("<meta charset=", " ", ""),
        Attack("", "<meta ", ""),
    ],
    "secretary_documents.templates.template._FRONT_MATTER": [
        Attack("---\n", "--- \t", "x"),
        Attack("---\n", "---\t x\n", ""),
    ],
}


def main(packages: Sequence[str]) -> int:
    """Check *packages*; print each pattern before it is tried, then what is wrong with it."""
    failed = 0
    for found in patterns_of(packages):
        print(found.place, *found.methods, flush=True)  # noqa: T201 - a command writes
        slow = slow_text(found.pattern, found.methods, KNOWN.pop(found.place, ()))
        if slow:
            failed += 1
            print(f"  SLOW {slow}", flush=True)  # noqa: T201 - a command writes
    for place in KNOWN:
        failed += 1
        print(f"  SLOW there is no pattern {place}: name its new place in KNOWN")  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
