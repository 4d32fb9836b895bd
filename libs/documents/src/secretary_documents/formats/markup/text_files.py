"""Reads HTML files, Markdown, tables as CSV and plain text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from markdown_it import MarkdownIt

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.limits import damaged, too_large
from secretary_documents.formats.markup.html import read_html, with_end_tags
from secretary_documents.formats.markup.markdown_notes import notes_in, read_notes
from secretary_documents.formats.markup.plain_lines import add_lines, is_data
from secretary_documents.formats.table_builder import TableBuilder
from secretary_documents.formats.text_kinds import SEPARATOR_LINE, delimiter_of
from secretary_documents.web.charset import decode

# The parser leaves out what is nested deeper.
_DEEPEST = 100
_SAMPLE = 64 * 1024
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
# Lines of YAML, of which the first has a name and a colon: slides are between such lines too.
_FRONT_MATTER = re.compile(
    r"---\n(?:(?:[ \t]*|#[^\n]*)\n){0,20}[\w.-]{1,50}[ \t]*:[^\n]*\n"
    r"(?:[^\n]*\n){0,200}?---[ \t]*(?:\n|\Z)"
)
_TITLE = re.compile(r"^title:[ \t]*[\"']?([^\n\"']{1,300})", re.MULTILINE)


def text_in(path: str, builder: Builder) -> str:
    """Return the text of the file at *path*, with plain line ends.

    Raises:
        PermanentError: DOCUMENT_TOO_LARGE.
    """
    content = Path(path).read_bytes()
    if len(content) > builder.limits.max_unpacked_bytes:
        raise too_large(f"the text has more than {builder.limits.max_unpacked_bytes} bytes")
    text = decode(content, "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if len(text) > builder.limits.max_text_chars:
        raise too_large(f"the text has more than {builder.limits.max_text_chars} characters")
    return text


def read_text(path: str, builder: Builder) -> None:
    """Read plain text: empty lines separate paragraphs, and form feeds separate pages.

    Lines of running text are joined; other lines, such as those of a log, a poem or an address,
    stay lines. JSON and XML are code.
    """
    text = text_in(path, builder)
    if is_data(text):
        builder.start_page()
        builder.code(text)
        return
    # A form feed at the end starts no page.
    for page in text.rstrip("\f\n ").split("\f"):
        builder.start_page()
        for paragraph in _PARAGRAPHS.split(page):
            add_lines(paragraph.split("\n"), builder)


def read_csv(path: str, builder: Builder) -> None:
    """Read a table as CSV, with the delimiter that its first rows have."""
    text = text_in(path, builder)
    delimiter = delimiter_of(text[:_SAMPLE]) or ","
    builder.start_page()
    table = TableBuilder(builder.budget)
    if first := SEPARATOR_LINE.match(text):
        text = text[first.end() :]
    csv.field_size_limit(builder.limits.max_text_chars)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if row:
                table.row()
                for cell in row:
                    table.cell(cell)
    except csv.Error as error:
        raise damaged("the table (CSV) is damaged") from error
    builder.table(table)


def read_markdown(path: str, builder: Builder) -> None:
    """Read Markdown as the HTML that it stands for. A title in its front matter is kept."""
    text = text_in(path, builder)
    if match := _FRONT_MATTER.match(text):
        if title := _TITLE.search(match[0]):
            builder.title = title[1].strip()
        text = text[match.end() :]
    builder.start_page()
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST})
    read_notes(parser.enable(["table", "strikethrough"]))
    found: dict[str, dict[str, str]] = {}
    read_html(parser.render(text, found), builder)
    for mark, note in notes_in(found).items():
        builder.footnote(f"[{mark}]", [run(note)])


def read_html_file(path: str, builder: Builder) -> None:
    """Read a web page without the navigation of its site, unless it has nothing else."""
    html = decode(Path(path).read_bytes(), "")
    if html.lstrip().startswith("<?xml"):
        html = with_end_tags(html)
    builder.start_page()
    read_html(html, builder, with_navigation=False)
    if not builder.pages[-1].layout.blocks:
        read_html(html, builder)
