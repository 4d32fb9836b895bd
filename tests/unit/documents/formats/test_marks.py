"""Bold, italic and code in the text of each format."""

from collections.abc import Callable
from typing import Any

import odfdo
import pytest
from odfdo import Element
from support.file_reader import read_file
from support.office_samples import open_file, slides, word, zipped
from support.office_shapes import BLANK, slide


def docx(document: Any) -> None:
    paragraph = document.add_paragraph("A ")
    paragraph.add_run("bold").bold = True
    paragraph.add_run(" and ")
    paragraph.add_run("sl").italic = True
    paragraph.add_run("anted ").italic = True
    paragraph.add_run("word, ")
    document.styles.add_style("HTML Code", 2)
    paragraph.add_run("x*y", style="HTML Code")
    paragraph.add_run(" and ")
    paragraph.add_run("strong", style="Strong")


def pptx(presentation: Any) -> None:
    frame = slide(presentation, BLANK).shapes.add_textbox(0, 0, 9, 9).text_frame
    for text, bold, italic in (
        ("A ", False, False),
        ("bold", True, False),
        (" and ", False, False),
        ("slanted", False, True),
        (" word", False, False),
    ):
        made = frame.paragraphs[0].add_run()
        made.text, made.font.bold, made.font.italic = text, bold, italic


def odt(document: Any) -> None:
    document.insert_style(odfdo.Style("text", name="T1", bold=True), automatic=True)
    document.insert_style(odfdo.Style("text", name="T2", italic=True), automatic=True)
    document.body.append(
        Element.from_tag(
            "<text:p>A <text:span text:style-name='T1'>bold</text:span> and "
            "<text:span text:style-name='T2'>slanted </text:span>word, "
            "<text:span text:style-name='Source_20_Text'>x*y</text:span> and "
            "<text:span text:style-name='Strong_20_Emphasis'>strong</text:span></text:p>"
        )
    )


HTML = (
    "<p>A <b>bold</b> and <i>sl</i><em>anted </em>word, <code>x*y</code> and "
    "<strong>strong</strong></p>"
)


def epub() -> bytes:
    container = "<container><rootfiles><rootfile full-path='b.opf'/></rootfiles></container>"
    package = (
        "<package><manifest><item id='a' href='a.xhtml' media-type='application/xhtml+xml'/>"
        "</manifest><spine><itemref idref='a'/></spine></package>"
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "b.opf": package,
            "a.xhtml": f"<html><body>{HTML}</body></html>",
        }
    )


MARKS = "A **bold** and *slanted* word"
ALL = f"{MARKS}, `x*y` and **strong**"
FORMATS: dict[str, tuple[Callable[[], bytes], str]] = {
    "docx": (lambda: word(docx), ALL),
    "odt": (lambda: open_file("text", odt), ALL),
    "html": (f"<html><body>{HTML}</body></html>".encode, ALL),
    "epub": (epub, ALL),
    "md": (f"# A\n\n{ALL}\n".encode, f"# A\n\n{ALL}"),
    "pptx": (lambda: slides(pptx), MARKS),
    "rtf": (lambda: rb"{\rtf1 A {\b bold} and \i slanted\i0  word\par}", MARKS),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_bold_italic_and_code_stay(kind: str) -> None:
    make, expected = FORMATS[kind]
    found = read_file(make())
    assert (found.format, found.markdown) == (kind, expected)


@pytest.mark.parametrize("kind", FORMATS)
def test_plain_text_has_no_marks(kind: str) -> None:
    make, expected = FORMATS[kind]
    [page] = read_file(make(), output="text").pages
    plain = expected.removeprefix("# A\n\n").replace("x*y", "x+y")
    assert page["text"].removeprefix("A\n").replace("x*y", "x+y") == plain.translate(
        {ord("*"): None, ord("`"): None}
    )


def test_html_has_elements_for_the_marks_and_the_language_of_code() -> None:
    html = '<p><b>a</b> <code>b</code></p><pre><code class="x language-c++">d</code></pre>'
    [page] = read_file(f"<html><body>{html}".encode(), output="html").pages
    assert page["text"] == (
        '<p><strong>a</strong> <code>b</code></p>\n<pre><code class="language-c++">d</code></pre>'
    )


SHAPES = {
    "a bold heading": ("<h2><b>All of it</b></h2>", "## All of it"),
    "a slanted heading": ("<h2><i>All</i> <i>of it</i></h2>", "## All of it"),
    "a word of a heading": ("<h2>The <i>Iliad</i> in <code>C</code></h2>", "## The *Iliad* in `C`"),
    "an item": ("<ul><li><b>Note</b>: a</ul>", "- **Note**: a"),
    "a cell": ("<table><tr><td><b>a</b><td>b</table>", "| a | b |\n| --- | --- |"),
    "a link": ("<p><a href='https://a.example'><b>a</b> b</a>", "[**a** b](https://a.example)"),
    "a copied text": ("<b style='font-weight: normal'>a <b>b</b></b>", "a **b**"),
    "lines": ("<b>a<br>b</b>", "**a** **b**"),
    "no text": ("<p>a<b> </b>b<i></i></p>", "a b"),
    "a language": ("<pre class='language-py'>x\n y</pre>", "```py\nx\n y\n```"),
    "no language": ("<pre class='language-`x'>x</pre>", "```\nx\n```"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_marks_stand_where_markdown_reads_them(shape: str) -> None:
    html, expected = SHAPES[shape]
    assert read_file(f"<html><body>{html}".encode()).markdown == expected
