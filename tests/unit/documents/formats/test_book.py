import io
import zipfile
from collections.abc import Mapping

import pytest
from support.file_reader import code_of, read_file
from support.office_samples import png, with_member, zipped

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)


def chapter(body: str) -> str:
    return (
        '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        f"<title>chapter</title></head><body>{body}</body></html>"
    )


def book(chapters: Mapping[str, str], title: str = "Book", **members: bytes) -> bytes:
    items = "".join(
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
        f"<dc:creator>Ada</dc:creator></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>"
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OPS/book.opf": package,
            **{f"OPS/text/{name}.xhtml": chapter(body) for name, body in chapters.items()},
            **{f"OPS/{name}.png": content for name, content in members.items()},
        }
    )


SHAPES = {
    "chapters": ({"a": "<h1>One</h1>", "b": "<h1>Two</h1><p>text"}, "# One\n-----\n# Two\n\ntext"),
    "a table": (
        {"a": "<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td>2</td></tr></table>"},
        "| x | y |\n| --- | --- |\n| 1 | 2 |",
    ),
    "a table in a table": (
        {"a": "<table><tr><td>x<td><table><tr><td>1<td>2<tr><td>3<td>4</table></table>"},
        "x\n\n| 1 | 2 |\n| --- | --- |\n| 3 | 4 |",
    ),
    "a note": ({"a": "<p>A<a href='#n'>1</a></p><aside id='n'>note</aside>"}, "A[1](#n)\n\nnote"),
    "empty elements": (
        {"a": "<a id='x'/><script src='x.js'/><p>one<br/><img src='x'/>two</p><p/>three"},
        "one two\n\nthree",
    ),
    "right to left": ({"a": "<h1>ספר</h1>"}, "# ספר"),
    "an empty chapter": ({"a": "", "b": "<p>b"}, "\n-----\nb"),
    "no chapter": ({}, ""),
}


def test_an_old_book_with_a_document_type_is_read() -> None:
    content = book({"a": "<p>old"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        package = archive.read("OPS/book.opf").decode()
    package = package.replace("application/xhtml+xml", "text/x-oeb1-document")
    package = f"<!DOCTYPE package PUBLIC 'OEB 1.2' 'http://a.example/oebpkg12.dtd'>{package}"
    assert read_file(with_member(content, "OPS/book.opf", package)).markdown == "old"


@pytest.mark.parametrize("shape", SHAPES)
def test_books_become_markdown(shape: str) -> None:
    chapters, expected = SHAPES[shape]
    found = read_file(book(chapters))
    assert (found.format, found.title, found.author) == ("epub", "Book", "Ada")
    assert found.markdown == expected


def test_the_table_of_contents_is_no_chapter() -> None:
    content = book({"nav": "<nav><h2>Book</h2><ol><li>One</ol></nav>", "a": "<h1>One</h1>"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        package = archive.read("OPS/book.opf").decode()
    marked = package.replace('<item id="nav"', '<item id="nav" properties="nav"')
    assert read_file(with_member(content, "OPS/book.opf", marked)).markdown == "# One"


def test_pictures_of_a_book_are_kept() -> None:
    content = book({"a": "<p>x<img src='../art.png' alt=''/>"}, art=png())
    assert read_file(content, min_points=20).pages[0]["pictures"] == ["page_1_image_1.png"]


SAMPLE = book({"a": "<p>text"})
ENCRYPTION = (
    '<encryption xmlns="urn:x"><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData>'
    "</encryption>"
)
BROKEN = {
    "cut off": (SAMPLE[:-150], "DOCUMENT_INVALID"),
    "no package": (with_member(SAMPLE, "META-INF/container.xml", "<a/>"), "DOCUMENT_INVALID"),
    "entities": (
        with_member(SAMPLE, "OPS/book.opf", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        "DOCUMENT_INVALID",
    ),
    "encrypted": (
        with_member(
            SAMPLE,
            "META-INF/encryption.xml",
            ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        ),
        "DOCUMENT_ENCRYPTED",
    ),
    "bomb": (with_member(SAMPLE, "OPS/text/a.xhtml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_books_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_a_book_whose_fonts_are_obfuscated_is_read() -> None:
    obfuscated = ENCRYPTION.format("http://www.idpf.org/2008/embedding")
    content = with_member(SAMPLE, "META-INF/encryption.xml", obfuscated)
    assert read_file(content).markdown == "text"
