"""Writes the layout of a page in the output that a job has."""

from __future__ import annotations

from secretary_documents.pdf.layout.model import Block, Box, Kind, Line, PageLayout, Span
from secretary_documents.pdf.writers.html import to_html
from secretary_documents.pdf.writers.json import to_json
from secretary_documents.pdf.writers.markdown import to_markdown
from secretary_documents.pdf.writers.markup import paragraphs_in, text_to_markdown
from secretary_documents.pdf.writers.text import to_text


def write(layout: PageLayout, output: str, *, keep_headers: bool) -> str:
    """Return *layout* as *output*: text, markdown, html or json."""
    if output == "json":
        return to_json(layout)
    writers = {"text": to_text, "markdown": to_markdown, "html": to_html}
    return writers[output](layout.blocks, keep_headers=keep_headers)


def write_recognised(layout: PageLayout, text: str, output: str) -> str:
    """Return a recognised page as *output*: text, markdown, html or json.

    Args:
        layout: the layout of the page, with each paragraph as a block.
        text: the same text, with empty lines between paragraphs.
        output: text, markdown, html or json.
    """
    if output == "text":
        return text
    if output == "markdown":
        return text_to_markdown(text)
    return write(layout, output, keep_headers=True)


def write_plain(layout: PageLayout, text: str, output: str, *, method: str) -> str:
    """Return the *text* of a page without a layout as *output*: its paragraphs.

    Args:
        layout: the layout of the page, without blocks.
        text: the text, with empty lines between paragraphs.
        output: text, markdown, html or json.
        method: the method by which the text was read.
    """
    box = Box(0, 0, layout.width, layout.height)
    layout.blocks = [
        Block(Kind.PARAGRAPH, box, [Line(box, (Span(paragraph, 0.0),))], method=method)
        for paragraph in paragraphs_in(text)
    ]
    return write_recognised(layout, text, output)
