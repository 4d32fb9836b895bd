"""How the method ``combined`` decides."""

import pytest

from secretary_documents.pdf.method_choice import (
    DrawingStats,
    Method,
    MethodChoice,
    Reason,
    TextStats,
    choose_method,
    is_better,
    text_stats,
    unknown_share,
)


@pytest.mark.parametrize(
    ("letters", "unknown", "cover", "paths", "method", "reason"),
    [
        (500, 0.0, 0.0, 0, Method.NATIVE, Reason.TEXT),
        (500, 0.0, 1.0, 0, Method.NATIVE, Reason.TEXT),  # a scan that was recognised before
        (500, 0.05, 0.0, 0, Method.NATIVE, Reason.TEXT),
        (500, 0.10, 0.0, 0, Method.OCR, Reason.GARBLED),
        (0, 1.0, 0.0, 0, Method.OCR, Reason.GARBLED),
        (200, 0.0, 1.0, 0, Method.NATIVE, Reason.TEXT),
        (199, 0.0, 0.8, 0, Method.OCR, Reason.SCAN),  # a stamp on a scan
        (199, 0.0, 0.79, 0, Method.NATIVE, Reason.TEXT),  # a slide with a picture
        (20, 0.0, 0.9, 0, Method.OCR, Reason.SCAN),
        (19, 0.0, 0.9, 0, Method.OCR, Reason.SCAN),  # a page number printed on a scan
        (0, 0.0, 0.31, 0, Method.OCR, Reason.SCAN),
        (0, 0.0, 0.30, 0, Method.NATIVE, Reason.BLANK),
        (0, 0.0, 0.0, 201, Method.OCR, Reason.OUTLINES),
        (0, 0.0, 0.0, 200, Method.NATIVE, Reason.BLANK),
        (3, 0.0, 0.0, 900, Method.OCR, Reason.OUTLINES),  # a page number below outlines
        (3, 0.0, 0.0, 100, Method.NATIVE, Reason.FEW_CHARACTERS),  # a drawing with labels
        (0, 0.0, 0.0, 0, Method.NATIVE, Reason.BLANK),
    ],
)
def test_each_page_gets_the_method_that_suits_it(
    *, letters: int, unknown: float, cover: float, paths: int, method: Method, reason: Reason
) -> None:
    text = TextStats(letters=letters, unknown_share=unknown)
    drawing = DrawingStats(image_cover=cover, paths=paths)
    assert choose_method(text, lambda: drawing) == MethodChoice(method, reason)


@pytest.mark.parametrize("text", ["A whole sentence of good text. " * 9, "\ue001" * 40])
def test_drawings_are_not_measured_if_the_text_decides(text: str) -> None:
    choose_method(text_stats(text), lambda: pytest.fail("the drawing was measured"))


@pytest.mark.parametrize(
    ("reason", "recognised", "native", "better"),
    [
        (Reason.SCAN, "A page of it", "stamp", True),
        (Reason.SCAN, "stamp", "stamp", True),
        (Reason.SCAN, "st", "stamp", False),
        (Reason.SCAN, "", "stamp", False),
        (Reason.SCAN, "", "…", False),
        (Reason.SCAN, "", "", True),  # both are empty
        (Reason.GARBLED, "clear", "garbled text without end", True),
        (Reason.GARBLED, "", "garbled", False),
        (Reason.OUTLINES, "drawn", "", True),
    ],
)
def test_recognised_text_replaces_native_text_unless_that_has_more_letters(
    *, reason: Reason, recognised: str, native: str, better: bool
) -> None:
    assert is_better(reason, recognised, native) is better


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        (" \n\t", 0.0),
        ("Grüße €", 0.0),
        ("ab\N{REPLACEMENT CHARACTER}\ue001", 0.5),
        ("\x01\x02", 1.0),
    ],
)
def test_unknown_share_counts_unreadable_characters(text: str, share: float) -> None:
    assert unknown_share(text) == share
