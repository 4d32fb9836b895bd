"""Hostile files of the formats that a ``document`` job reads besides PDF. Each is made here.

The kinds are those by which readers of such files were attacked before: files that unpack to much,
entities that grow, elements inside elements, cells that repeat or span without end, references to
files and hosts, and damage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from support.format_samples import SAMPLES
from support.hostile_documents import ENTITY, LAUGHS, PROGRAM, noise
from support.office_samples import with_member, zipped


def _cut(name: str) -> bytes:
    content = SAMPLES[name]()
    return content[: len(content) * 2 // 3]


def _overwritten(content: bytes, start: int) -> bytes:
    """Return *content* with noise from *start* on, but with its last kilobyte."""
    size = max(len(content) - start - 1024, 0)
    return content[:start] + noise(size) + content[start + size :]


def _office(kind: str, part: str, content: str | bytes) -> bytes:
    """Return an office file of *kind* with a hostile *part*."""
    return with_member(SAMPLES[kind](), part, content)


def _in_word(body: str) -> bytes:
    document = f"<w:document xmlns:w='urn:w'><w:body>{body}</w:body></w:document>"
    return _office("docx", "word/document.xml", document)


def _in_odt(body: str) -> bytes:
    names = " ".join(f"xmlns:{name}='urn:{name}'" for name in ("office", "table", "text"))
    text = f"<office:body><office:text>{body}</office:text></office:body>"
    content = f"<office:document {names}>{text}</office:document>"
    return _office("odt", "content.xml", content)


def _in_sheet(cells: str) -> bytes:
    rows = f"<sheetData>{cells}</sheetData>"
    names = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"
    return _office("xlsx", "xl/worksheets/sheet1.xml", f"<worksheet {names}>{rows}</worksheet>")


def _ods_bomb() -> bytes:
    names = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    )
    repeats = "table:number-columns-repeated='16384'"
    cell = f"<table:table-cell {repeats}><text:p>a</text:p></table:table-cell>"
    row = f"<table:table-row table:number-rows-repeated='1048576'>{cell}</table:table-row>"
    sheet = f"<office:spreadsheet><table:table>{row}</table:table></office:spreadsheet>"
    body = f"<office:body>{sheet}</office:body>"
    content = f"<office:document-content {names}>{body}</office:document-content>"
    return _office("ods", "content.xml", content)


def _archive_in_itself() -> bytes:
    content = b"text"
    for _ in range(40):
        content = zipped({"a.zip": content})
    return content


def _mail_of_mails() -> bytes:
    content = b"Subject: a\nFrom: a@a.example\nTo: b@b.example\n\ntext"
    for depth in range(60):
        head = b"Subject: a\nFrom: a@a.example\nTo: b@b.example\nMIME-Version: 1.0\n"
        kind = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
        part = b"Content-Type: message/rfc822\n\n" + content
        content = head + kind + part + b"\n--b%d--\n" % depth
    return content


def _picture_head(width: int) -> bytes:
    content = bytearray(SAMPLES["png"]())
    content[16:24] = width.to_bytes(4, "big") * 2
    return bytes(content)


_LINKED = (
    "<Relationships xmlns='urn:r'><Relationship Id='rId1' TargetMode='External' "
    "Type='x/image' Target='http://169.254.169.254/x.png'/><Relationship Id='rId2' "
    "Type='x/styles' Target='file:///etc/passwd'/><Relationship Id='rId3' Type='x/numbering' "
    "Target='../../../../etc/passwd'/></Relationships>"
)
_SEVEN = range(7)

HOSTILE_FILES: Mapping[str, Callable[[], bytes]] = {
    **{f"{name} cut off": partial(_cut, name) for name in SAMPLES},
    "word bomb": lambda: _office("docx", "word/document.xml", bytes(600 * 2**20)),
    "word entities": lambda: _office("docx", "word/document.xml", LAUGHS),
    "word external entity": lambda: _office("docx", "word/styles.xml", ENTITY),
    "word deep": lambda: _in_word("<w:sdtContent>" * 100_000 + "</w:sdtContent>" * 100_000),
    "word deep tables": lambda: _in_word("<w:tbl><w:tr><w:tc>" * 30_000),
    "word wide cells": lambda: _in_word(
        "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr><w:p><w:r><w:t>a"
        "</w:t></w:r></w:p></w:tc></w:tr></w:tbl>" * 200
    ),
    "word external parts": lambda: _office("docx", "word/_rels/document.xml.rels", _LINKED),
    "word many paragraphs": lambda: _in_word("<w:p/>" * 500_000),
    "slides entities": lambda: _office("pptx", "ppt/presentation.xml", LAUGHS),
    "slides bomb": lambda: _office("pptx", "ppt/slides/slide1.xml", b" " * (600 * 2**20)),
    "sheet bomb": lambda: _office("xlsx", "xl/worksheets/sheet1.xml", bytes(600 * 2**20)),
    "sheet corners": lambda: _in_sheet(
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'>"
        "<v>1</v></c></row>"
    ),
    "sheet rows": lambda: _in_sheet("<row><c><v>1</v></c></row>" * 300_000),
    "sheet entities": lambda: _office("xlsx", "xl/workbook.xml", LAUGHS),
    "ods repeats": _ods_bomb,
    "odt deep": lambda: _in_odt("<text:section>" * 100_000 + "</text:section>" * 100_000),
    "odt blanks": lambda: _in_odt("<text:p><text:s text:c='999999999'/>a</text:p>" * 10_000),
    "odt cells": lambda: _in_odt(
        "<table:table><table:table-row><table:table-cell table:number-columns-spanned='999999999' "
        "table:number-rows-spanned='999999999'><text:p>a</text:p></table:table-cell>"
        "</table:table-row></table:table>" * 500
    ),
    "rich text deep": lambda: b"{\\rtf1" + b"{" * 1_000_000,
    "rich text binary": lambda: b"{\\rtf1\\bin2147483647 a}",
    "rich text rows": lambda: b"{\\rtf1" + b"\\trowd\\cellx1\\intbl a\\cell\\row" * 100_000 + b"}",
    "page deep": lambda: b"<html>" + b"<div><b>" * 200_000,
    "page tables": lambda: b"<html>" + b"<table><tr><td>" * 20_000,
    "page spans": lambda: b"<html><table>" + b"<tr><td colspan=65000 rowspan=65000>a" * 3000,
    "page references": lambda: (
        b"<html><base href=http://169.254.169.254/><link rel=stylesheet href=x><img src=y><iframe "
        b"src=file:///etc/passwd></iframe>text"
    ),
    "book entities": lambda: _office("epub", "book.opf", LAUGHS),
    "book outside": lambda: _office(
        "epub", "META-INF/container.xml", "<a><rootfile full-path='../../etc/passwd'/></a>"
    ),
    "mails in mails": _mail_of_mails,
    "mail of parts": lambda: (
        b"Subject: a\nFrom: a@a.example\nTo: b@b.example\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\na\n" * 50_000
    ),
    "old file of noise": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise(2**20),
    "outlook mail of noise": lambda: _overwritten(SAMPLES["msg"](), 600),
    "old sheet of noise": lambda: _overwritten(SAMPLES["xls"](), 600),
    "table of one row": lambda: b"a,b\n" + b"x," * 5_000_000 + b"\n",
    "table of quotes": lambda: b'a,b\n1,2\n"' + b"x\n" * 5_000_000,
    "markdown deep": lambda: b"# a\n" + b"> " * 50_000 + b"a",
    "markdown brackets": lambda: b"# a\n" + b"[" * 100_000 + b"a" + b"](b)" * 100_000,
    "text of one line": lambda: b"a " * 5_000_000,
    "picture of billions": lambda: _picture_head(65_000),
    "picture of more": lambda: _picture_head(2**31 - 1),
    "tiff of noise": lambda: b"II*\0" + noise(2**20),
    "webp of noise": lambda: b"RIFF\0\0\x10\0WEBPVP8 " + noise(2**20),
    "heic of noise": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + noise(2**20),
    "archives in archives": _archive_in_itself,
    "archive bomb": lambda: zipped({"a.txt": bytes(600 * 2**20)}),
    "archive of many": lambda: zipped({f"{number}": "" for number in range(20_000)}),
    "archive of bombs": lambda: zipped(
        {
            f"{number}.docx": _office("docx", "word/document.xml", bytes(80 * 2**20))
            for number in _SEVEN
        }
    ),
    "archive of programs": lambda: zipped({f"{number}": PROGRAM for number in range(50)}),
}
"""Hostile files of other formats than PDF. Each function makes one."""
