import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from secretary_documents.pdf.layout.model import Markup, Span
from secretary_documents.pdf.writers.emphasis import marked

BOLD, ITALIC, CODE, NONE = Markup.BOLD, Markup.ITALIC, Markup.CODE, Markup.NONE
LINES = {
    "one word": ([("a", BOLD)], "**a**"),
    "both": ([("a", BOLD | ITALIC)], "***a***"),
    "blanks at the edges": ([("x", NONE), (" a ", BOLD), ("y", NONE)], "x **a** y"),
    "a part of a word": ([("un", ITALIC), ("do", NONE)], "*un*do"),
    "adjacent runs": ([("a", BOLD), ("b", BOLD)], "**ab**"),
    "slanted inside of bold": ([("a", BOLD), ("b", BOLD | ITALIC)], "**ab**"),
    "marks that touch": ([("a", ITALIC), ("b", BOLD)], "*a*b"),
    "bold code": ([("a ", BOLD), ("b*", BOLD | CODE)], "**a** **`b*`**"),
    "backticks in code": ([("a`b", CODE), (" ", NONE), ("`", CODE)], "``a`b`` `` ` ``"),
    "stars of the text": ([("*a*", BOLD)], "**\\*a\\***"),
    "a bracket inside of a word": ([("f", NONE), ("(x)", BOLD), ("g", NONE)], "f(x)g"),
    "only blanks": ([("a", NONE), ("  ", BOLD)], "a  "),
}


def spans(pieces: list[tuple[str, Markup]]) -> list[Span]:
    return [Span(text, 0.0, markup=markup) for text, markup in pieces]


@pytest.mark.parametrize("shape", LINES)
def test_a_line_is_written_with_its_marks(shape: str) -> None:
    pieces, expected = LINES[shape]
    assert marked(spans(pieces)) == expected


TEXTS = st.text(alphabet='ab1*_`~()[]<&;!\\ .-"\N{EURO SIGN}\N{LEFT CORNER BRACKET}', max_size=6)
MARKUPS = st.sampled_from([NONE, BOLD, ITALIC, CODE, BOLD | ITALIC, BOLD | CODE])


@given(st.lists(st.tuples(TEXTS, MARKUPS), max_size=6))
def test_markdown_shows_the_same_text_whatever_is_marked(
    pieces: list[tuple[str, Markup]],
) -> None:
    text = " ".join("".join(text for text, _ in pieces).split())
    shown = MarkdownIt("commonmark").renderInline(f"x {marked(spans(pieces))}")
    assert " ".join(unescape(re.sub(r"</?(?:em|strong|code)>", "", shown)).split()) == (
        f"x {text}".strip()
    )
