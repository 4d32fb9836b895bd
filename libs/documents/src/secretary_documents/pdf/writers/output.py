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


def place_in(written: str, layout: PageLayout, output: str, block: Block) -> tuple[int, int] | None:
    """Return the start and the end of *block* in *layout*, *written* as *output*; None if unknown.

    In JSON both are the order of the block. The first or last block of *layout* is expected.
    """
    if output == "json":
        order = next(at for at, one in enumerate(layout.blocks) if one is block)
        return order, order
    if output == "text":
        return None
    piece = {"markdown": to_markdown, "html": to_html}[output]([block])
    later = any(one is block for one in layout.blocks[len(layout.blocks) // 2 :])
    if not piece:
        return None
    # Other blocks may have the same words inside a line.
    lines, whole = f"\n{written}\n", f"\n{piece}\n"
    start = lines.rfind(whole) if later else lines.find(whole)
    return None if start < 0 else (start, start + len(piece))


def write_recognised(layout: PageLayout, text: str, output: str) -> str:
    """Return a recognised page as *output*: text, markdown, html or json.

    Args:
        layout: the layout of the page, with each paragraph as a block.
        text: the same text, with empty lines between paragraphs.
        output: text, markdown, html or json.
    """
    if output == "text":
        return text
    if output == "markdown" and not any(
        block.table or block.kind is Kind.HEADING for block in layout.blocks
    ):
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
