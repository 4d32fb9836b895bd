"""Stores repeated parts of results once, and restores the repeats for clients.

The results of a ``pdf`` job have the text of each page in ``extracted_text`` and again in
``metadata.text_contents``, and ``structured_data`` repeats all other keys. Clients rely on these
keys. ``stated_once`` leaves the repeats out and notes them under one key; ``expanded`` restores
them.
"""

from __future__ import annotations

from typing import Any

from secretary_common.models import JsonObject

NOTE = "_stated_once"
"""The key of the note that lists the repeats that were left out."""
STRUCTURED = "structured_data"
TEXT, METADATA, PAGES, PAGE_TEXT = "extracted_text", "metadata", "text_contents", "text"
PAGES_PATH = f"{METADATA}.{PAGES}"


def stated_once(results: JsonObject) -> JsonObject:
    """Return *results* without repeats and with a note; unchanged if there is no repeat."""
    if NOTE in results:
        return results
    rest = {name: value for name, value in results.items() if name != STRUCTURED}
    repeats_all = STRUCTURED in results and _is_same(results[STRUCTURED], rest)
    kept = rest if repeats_all else dict(results)
    spans = _spans_of(kept)
    if spans is not None:
        # The key stays, so that the order of the keys is the same again.
        pages = [{**page, PAGE_TEXT: None} for page in kept[METADATA][PAGES]]
        kept[METADATA] = {**kept[METADATA], PAGES: pages}
    if not repeats_all and spans is None:
        return results
    return {**kept, NOTE: {STRUCTURED: repeats_all, PAGES: spans}}


def expanded(results: JsonObject) -> JsonObject:
    """Return *results* with the repeats that ``stated_once`` left out."""
    note = _note_of(results)
    if note is None:
        return results
    whole = {name: value for name, value in results.items() if name != NOTE}
    if (spans := note[PAGES]) is not None:
        pages = [
            {**page, PAGE_TEXT: whole[TEXT][start:end]}
            for page, (start, end) in zip(whole[METADATA][PAGES], spans, strict=True)
        ]
        whole[METADATA] = {**whole[METADATA], PAGES: pages}
    return {**whole, STRUCTURED: whole} if note[STRUCTURED] else whole


def reductions(results: JsonObject) -> list[tuple[JsonObject, list[str]]]:
    """Return smaller forms of *results*, each with the keys that it lacks; the largest first.

    A form lacks only what the results repeat: first ``structured_data``, then also
    ``metadata.text_contents``.
    """
    once = stated_once(results)
    note = _note_of(once)
    if note is None:
        return []
    without: list[str] = [STRUCTURED] if note[STRUCTURED] else []
    smaller = expanded({**once, NOTE: {**note, STRUCTURED: False}})
    forms = [(smaller, list(without))] if without else []
    if note[PAGES] is not None:
        metadata = {name: value for name, value in once[METADATA].items() if name != PAGES}
        forms.append(({**smaller, METADATA: metadata}, [*without, PAGES_PATH]))
    return forms


def _note_of(results: JsonObject) -> JsonObject | None:
    note = results.get(NOTE)
    return note if isinstance(note, dict) and note.keys() == {STRUCTURED, PAGES} else None


def _spans_of(results: JsonObject) -> list[list[int]] | None:
    """Return the place of each page in the whole text; None unless every page is found."""
    text, metadata = results.get(TEXT), results.get(METADATA)
    pages = metadata.get(PAGES) if isinstance(metadata, dict) else None
    if not isinstance(text, str) or not isinstance(pages, list) or not pages:
        return None
    spans, place = [], 0
    for page in pages:
        found = page.get(PAGE_TEXT) if isinstance(page, dict) else None
        start = text.find(found, place) if isinstance(found, str) else -1
        if start < 0 or not isinstance(found, str):
            return None
        place = start + len(found)
        spans.append([start, place])
    return spans


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; 1, 1.0 and true are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)
