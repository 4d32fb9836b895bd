"""Links are on the words inside them."""

from __future__ import annotations

from support.layout_samples import line, words_of

from secretary_documents.pdf.layout.link import PlacedWord, with_links
from secretary_documents.pdf.layout.model import Box, Line, Span


def placed(one: Line) -> list[PlacedWord]:
    return [(*word.box, word.text, 0, 0, 0) for word in words_of([one])]


def test_only_the_words_inside_a_link_have_it() -> None:
    one = line("see the library of Hamburg")
    words = placed(one)
    link = Box(words[2][0], 98, words[3][2], 112)
    spans = with_links(one.spans, words, [(link, "https://example.org")])
    assert [(span.text, span.link) for span in spans] == [
        ("see the ", None),
        ("library of", "https://example.org"),
        (" Hamburg", None),
    ]


def test_a_link_over_two_spans_and_a_second_link_are_kept_apart() -> None:
    one = line("see the library of Hamburg")
    words = placed(one)
    spans = (Span("see the lib", 10.0), Span("rary of Hamburg", 10.0, bold=True))
    boxes = [Box(*words[number][:4]) for number in range(5)]
    links = [(boxes[2], "https://a"), (boxes[3], "https://b")]
    found = with_links(spans, words, links)
    assert [(span.text, span.link, span.bold) for span in found] == [
        ("see the ", None, False),
        ("lib", "https://a", False),
        ("rary", "https://a", True),
        (" ", None, True),
        ("of", "https://b", True),
        (" Hamburg", None, True),
    ]


def test_a_line_beside_the_links_stays_as_it_is() -> None:
    one = line("no link here")
    links = [(Box(72, 200, 500, 220), "https://example.org")]
    assert with_links(one.spans, placed(one), links) is one.spans
