"""Counts words. Pure functions that know no job, so tests call them directly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


def count_words(text: str, *, ignore: Iterable[str] = ()) -> Counter[str]:
    """Count each word of *text*, without regard to case; leave out the words to *ignore*."""
    counted = Counter(word.casefold() for word in _WORD.findall(text))
    for word in ignore:
        counted.pop(word.casefold(), None)
    return counted


def to_csv(counted: Counter[str]) -> str:
    """Return the words and their counts as CSV, the most frequent first."""
    lines = [f"{word},{number}" for word, number in counted.most_common()]
    return "\n".join(["word,count", *lines, ""])
