"""Footnotes in Markdown: ``[^1]`` in the text, and ``[^1]: The note`` on a line of its own."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_MARK = re.compile(r"\[\^([^\]\s]{1,50})\]")
_NOTE = re.compile(r"\[\^([^\]\s]{1,50})\]:(.*)")
_NOTES = "notes"


def read_notes(parser: MarkdownIt) -> None:
    """Let *parser* read footnotes, which ``notes_in`` returns afterwards."""
    parser.block.ruler.before("reference", "note", _note, {"alt": ["paragraph"]})
    parser.inline.ruler.before("link", "note_mark", _mark)


def notes_in(found: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the texts of the notes by their marks; *found* was given to the parser."""
    return found.get(_NOTES, {})


def _note(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it
    match = _NOTE.fullmatch(_line(state, start))
    if match is None:
        return False
    if not silent:
        lines, following = [match[2].strip()], start + 1
        while following < end and (line := _line(state, following)) and not _NOTE.match(line):
            lines.append(line)
            following += 1
        state.env.setdefault(_NOTES, {})[match[1]] = " ".join(lines)
        state.line = following
    return True


def _line(state: StateBlock, number: int) -> str:
    first = state.bMarks[number] + state.tShift[number]
    return state.src[first : state.eMarks[number]].strip()


def _mark(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - called by the parser
    match = _MARK.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.pending += f"[{match[1]}]"
    state.pos = match.end()
    return True
