"""Counts words: no job, no repository, nothing to wait for; so it is tested without any."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


def count_words(text: str, *, ignore: Iterable[str] = ()) -> Counter[str]:
    """How often each word stands in *text*, whatever its case, without those to *ignore*."""
    counted = Counter(word.casefold() for word in _WORD.findall(text))
    for word in ignore:
        counted.pop(word.casefold(), None)
    return counted


def to_csv(counted: Counter[str]) -> str:
    """The words and their numbers as CSV, the most frequent first."""
    lines = [f"{word},{number}" for word, number in counted.most_common()]
    return "\n".join(["word,count", *lines, ""])
