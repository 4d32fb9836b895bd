"""Compares Markdown with the Markdown that people have written for the same page.

NID, TEDS and MHS are those of the published benchmark of 200 pages: similarity of the text, of the
tables and of the headings. ``wrong_breaks`` and ``missed_words`` measure what these do not show.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from apted import APTED, Config
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from quality.markup import Node, html_tables, table_tree, with_html_tables, without_tables

_HEADING = re.compile(r"#{1,6}\s+(.*)")
_WORD = re.compile(r"[^\W_]+")
# A line break in a cell of a table of pipes.
_LINE_BREAK = re.compile(r"<br\s*/?>")
_TAG = re.compile(r"<[^>]*>")
# A heading or an item of a list.
_MARKED = re.compile(r"#{1,6}\s|\s*(?:[-*+]|\d+[.)])\s")
# The words before and after a break that are looked for in the truth.
_AROUND = 3
MISSED_SHARE = 0.15
"""A page with a larger share of missed words counts as a page that misses words."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The measures of one page. None: the truth has no table or no heading."""

    nid: float
    teds: float | None
    mhs: float | None
    breaks: int
    wrong_breaks: int
    missed: float

    @property
    def overall(self) -> float:
        """The mean of the measures that apply."""
        return fmean(one for one in (self.nid, self.teds, self.mhs) if one is not None)


def compare(truth: str, found: str) -> Scores:
    """Return the measures of *found*."""
    wanted, got = with_html_tables(truth), with_html_tables(found)
    breaks, wrong = count_breaks(wanted, got)
    return Scores(
        nid(wanted, got),
        teds(wanted, got),
        mhs(wanted, got),
        breaks,
        wrong,
        missed_words(wanted, got),
    )


def nid(truth: str, found: str) -> float:
    """Return the similarity of the texts by insertions and deletions: 0 to 1."""
    return fuzz.ratio(_plain(truth), _plain(found)) / 100


def _plain(text: str) -> str:
    return " ".join(text.split())


class _Costs(Config):  # type: ignore[misc] # apted has no types
    """The cost to turn one node into another: 0 to 1."""

    def rename(self, one: Node, other: Node) -> float:
        if (one.tag, one.span) != (other.tag, other.span):
            return 1.0
        left, right = (_plain(_LINE_BREAK.sub(" ", node.text)) for node in (one, other))
        return Levenshtein.normalized_distance(left, right) if left or right else 0.0


def teds(truth: str, found: str) -> float | None:
    """Return the similarity of all tables as one tree; None if the truth has no table."""
    wanted, got = (table_tree(html_tables(text)) for text in (truth, found))
    if not wanted.children:
        return None
    if not got.children:
        return 0.0
    distance = float(APTED(got, wanted, _Costs()).compute_edit_distance())
    return 1 - distance / (max(wanted.count(), got.count()) - 1)


def mhs(truth: str, found: str) -> float | None:
    """Return the similarity of the headings with their text; None if the truth has no heading."""
    wanted, got = heading_tree(truth), heading_tree(found)
    if not _has_heading(wanted):
        return None
    if not _has_heading(got):
        return 0.0
    distance = float(APTED(wanted, got, _Costs()).compute_edit_distance())
    return max(0.0, 1 - distance / max(wanted.count(), got.count()))


def _has_heading(tree: Node) -> bool:
    return any(child.tag == "heading" for child in tree.children)


def heading_tree(text: str) -> Node:
    """Return the headings of all levels as one list, each with the text below it."""
    root = Node("document")
    container, lines = root, list[str]()

    def end_content() -> None:
        if content := " ".join(" ".join(lines).split()):
            container.children.append(Node("content", content))
        lines.clear()

    for line in text.splitlines():
        if match := _HEADING.match(line):
            end_content()
            container = Node("heading", " ".join(match[1].split()))
            root.children.append(container)
        else:
            lines.append(line)
    end_content()
    return root


def words_of(text: str) -> list[str]:
    """Return the words of *text* in lower case, without tags."""
    return [word.lower() for word in _WORD.findall(_TAG.sub(" ", text))]


def missed_words(truth: str, found: str) -> float:
    """Return the share of the words of *truth* that *found* does not have."""
    wanted, got = Counter(words_of(truth)), Counter(words_of(found))
    return (wanted - got).total() / max(wanted.total(), 1)


def count_breaks(truth: str, found: str) -> tuple[int, int]:
    """Return how many breaks *found* has between paragraphs, and how many are wrong.

    A break is wrong if the truth has the words on both sides next to each other in one paragraph.
    Headings, items of lists, tables and parts of one or two words do not count.
    """
    paragraphs = [f" {' '.join(words_of(part))} " for part in parts_of(truth)]
    wrong = total = 0
    for before, after in pairwise(parts_of(found)):
        left, right = (words_of(part) for part in (before, after))
        if min(len(left), len(right)) < _AROUND or _MARKED.match(before) or _MARKED.match(after):
            continue
        around = f" {' '.join([*left[-_AROUND:], *right[:_AROUND]])} "
        total += 1
        wrong += any(around in paragraph for paragraph in paragraphs)
    return total, wrong


def parts_of(text: str) -> list[str]:
    """Return the headings, items and paragraphs of *text*, and a space for each table."""
    parts = []
    for part in re.split(r"\n\s*\n", without_tables(text)):
        lines = list[str]()
        for line in part.splitlines():
            if lines and (_MARKED.match(line) or _HEADING.match(lines[-1])):
                parts.append("\n".join(lines))
                lines = []
            lines.append(line)
        parts.append("\n".join(lines))
    return parts
