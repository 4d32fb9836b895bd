"""Diagrams (SmartArt) and parts in HTML, whose texts are in parts of their own."""

from email.message import EmailMessage
from typing import Any

from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml as word_xml
from docx.oxml.ns import nsdecls
from pptx.opc.package import Part as SlidePart
from pptx.opc.packuri import PackURI as SlideURI
from pptx.oxml import parse_xml as slide_xml
from support.file_reader import read_file
from support.office_samples import slides, word
from support.office_shapes import BLANK, slide

KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMES = (
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    f'xmlns:r="{KINDS}"'
)


def point(name: str, text: str, kind: str = "node") -> str:
    written = f"<dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t>"
    return f'<dgm:pt modelId="{name}" type="{kind}">{written}</dgm:pt>'


def link(parent: str, child: str, order: int) -> str:
    return f'<dgm:cxn modelId="l{child}" srcId="{parent}" destId="{child}" srcOrd="{order}"/>'


POINTS = point("0", "", "doc") + point("b", "second") + point("a", "first") + point("c", "deeper")
LINKS = link("0", "b", 1) + link("0", "a", 0) + link("a", "c", 0)
DATA = (
    f"<dgm:dataModel {NAMES}><dgm:ptLst>{POINTS}{point('p', 'drawn', 'pres')}</dgm:ptLst>"
    f"<dgm:cxnLst>{LINKS}</dgm:cxnLst></dgm:dataModel>"
)
IN_A_CIRCLE = DATA.replace("</dgm:cxnLst>", f"{link('c', 'a', 0)}</dgm:cxnLst>")
TYPE = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
EXPECTED = "- first\n  - deeper\n- second"


def with_part(document: Any, name: str, kind: str, media_type: str, content: bytes) -> str:
    """Add a part to a Word document, and return its id there."""
    part = Part(PackURI(name), media_type, content, document.part.package)
    return str(document.part.relate_to(part, f"{KINDS}/{kind}"))


def word_diagram(data: str) -> bytes:
    def fill(document: Any) -> None:
        paragraph = document.add_paragraph("before")
        name = "/word/diagrams/data1.xml"
        found = with_part(document, name, "diagramData", TYPE, data.encode())
        paragraph._p.append(
            word_xml(
                f'<w:r {nsdecls("w")} {NAMES}><w:drawing><dgm:relIds r:dm="{found}"/></w:drawing>'
                "</w:r>"
            )
        )

    return word(fill)


def test_the_texts_of_a_diagram_in_word_are_items_of_a_list() -> None:
    assert read_file(word_diagram(DATA)).markdown == f"before\n\n{EXPECTED}"


def test_points_that_refer_to_each_other_in_a_circle_are_read_once() -> None:
    assert read_file(word_diagram(IN_A_CIRCLE)).markdown == f"before\n\n{EXPECTED}"


def test_the_texts_of_a_diagram_on_a_slide_are_items_of_a_list() -> None:
    def fill(presentation: Any) -> None:
        made = slide(presentation, BLANK)
        package = made.part.package
        part = SlidePart(SlideURI("/ppt/diagrams/data1.xml"), TYPE, package, DATA.encode())
        found = made.part.relate_to(part, f"{KINDS}/diagramData")
        frame = (
            "<p:graphicFrame xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main' "
            f"{NAMES}><a:graphic><a:graphicData><dgm:relIds r:dm='{found}'/></a:graphicData>"
            "</a:graphic></p:graphicFrame>"
        )
        made.shapes._spTree.append(slide_xml(frame))

    assert read_file(slides(fill)).markdown == EXPECTED


HTML = "<html><body><h2>Plan</h2><p>of <b>HTML</b></p></body></html>"


def web_archive() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "a program", "a page"
    message.set_content(HTML, subtype="html")
    message.make_related()
    return message.as_bytes()


def test_a_part_in_html_is_read_where_it_stands() -> None:
    odd = web_archive().replace(b"utf-8", b"x-of-no-program")
    assert odd != web_archive()
    for content in (HTML.encode(), web_archive(), odd):

        def fill(document: Any, content: bytes = content) -> None:
            document.add_paragraph("before")
            found = with_part(document, "/word/chunk.mht", "aFChunk", "message/rfc822", content)
            chunk = word_xml(f'<w:altChunk {nsdecls("w", "r")} r:id="{found}"/>')
            document.paragraphs[-1]._p.addnext(chunk)

        assert read_file(word(fill)).markdown == "before\n\n## Plan\n\nof **HTML**"
