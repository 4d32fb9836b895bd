"""Makes office files with the libraries of their formats."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import docx
import msoffcrypto.format.ooxml
import odfdo
import openpyxl
import pptx
import pymupdf
import xlwt
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml as word_xml
from docx.oxml.ns import nsdecls
from pptx.chart.data import CategoryChartData
from pptx.chart.xmlwriter import ChartXmlWriter
from pptx.enum.chart import XL_CHART_TYPE

PASSWORD = "secret"
_INCH = 914_400


def png(width: int = 120, height: int = 80) -> bytes:
    """Return a PNG of one colour."""
    pixmap = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, width, height))
    pixmap.clear_with(120)
    return bytes(pixmap.tobytes("png"))


def noisy_png() -> bytes:
    """Return a PNG of about 90 kB."""
    samples = random.Random(1).randbytes(3 * 200 * 150)
    return bytes(pymupdf.Pixmap(pymupdf.csRGB, 200, 150, samples, False).tobytes("png"))  # noqa: FBT003


def word(fill: Callable[[Any], object]) -> bytes:
    """Return a Word document that *fill* has filled."""
    document = docx.Document()
    fill(document)
    return _saved(document)


def slides(fill: Callable[[Any], object]) -> bytes:
    """Return a presentation that *fill* has filled."""
    presentation = pptx.Presentation()
    fill(presentation)
    return _saved(presentation)


def workbook(fill: Callable[[Any], object]) -> bytes:
    """Return an Excel workbook that *fill* has filled; its first sheet is empty before."""
    book = openpyxl.Workbook()
    fill(book)
    return _saved(book)


def old_workbook(fill: Callable[[Any], object]) -> bytes:
    """Return an Excel 97 workbook that *fill* has filled."""
    book = xlwt.Workbook()
    fill(book)
    return _saved(book)


def open_document(kind: str, fill: Callable[[Any], object]) -> bytes:
    """Return an OpenDocument file of *kind* whose body *fill* has filled."""
    return open_file(kind, lambda document: fill(document.body))


def open_file(kind: str, fill: Callable[[Any], object]) -> bytes:
    """Return an OpenDocument file of *kind* that *fill* has filled; its body is empty before."""
    document = odfdo.Document(kind)
    document.body.clear()
    fill(document)
    return _saved(document)


def picture_in(document: Any, element: str, content: bytes) -> Any:
    """Return *element* with a picture in it, which is added to an OpenDocument file."""
    document.container.set_part("Pictures/a.png", content)
    made = odfdo.Element.from_tag(element)
    frame = odfdo.Element.from_tag("<draw:frame/>")
    frame.append(odfdo.Element.from_tag("<draw:image xlink:href='Pictures/a.png'/>"))
    made.append(frame)
    return made


def _saved(document: Any) -> bytes:
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def encrypted(content: bytes) -> bytes:
    """Return an Open XML file, encrypted with ``PASSWORD``."""
    written = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(content)).encrypt(PASSWORD, written)
    return written.getvalue()


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """Return a ZIP file of *members*, the first one not packed."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members.items()):
            how = zipfile.ZIP_STORED if number == 0 and name == "mimetype" else None
            archive.writestr(name, content, compress_type=how)
    return written.getvalue()


def with_member(content: bytes, name: str, part: bytes | str) -> bytes:
    """Return the ZIP file *content* with another *part* under *name*."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members: dict[str, bytes | str] = {one: archive.read(one) for one in archive.namelist()}
    return zipped({**members, name: part})


def add_footnote(content: bytes, text: str) -> bytes:
    """Return a Word document whose last run refers to a footnote with *text*."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read("word/document.xml").decode()
        targets = archive.read("word/_rels/document.xml.rels").decode()
    start, found, end = body.rpartition("</w:r>")
    reference = '<w:footnoteReference w:id="2"/>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    target = f'<Relationship Id="rIdNotes" Type="{kind}" Target="footnotes.xml"/>'
    notes = (
        f"<w:footnotes {nsdecls('w')}><w:footnote w:type='separator' w:id='0'/>"
        f"<w:footnote w:id='2'><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    content = with_member(content, "word/document.xml", f"{start}{reference}{found}{end}")
    closed = targets.replace("</Relationships>", f"{target}</Relationships>")
    content = with_member(content, "word/_rels/document.xml.rels", closed)
    return with_member(content, "word/footnotes.xml", notes)


def deleted_run(text: str) -> Any:
    """Return a run of Word that was deleted while changes were tracked."""
    return word_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>{text}</w:delText></w:r></w:del>")


def text_box(text: str) -> Any:
    """Return a run of Word with a text box, in the new and in the old way of writing it."""
    inner = f"<w:txbxContent><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:txbxContent>"
    names = (
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
        'xmlns:v="urn:schemas-microsoft-com:vml"'
    )
    return word_xml(
        f"<w:r {nsdecls('w')} {names}><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>"
        f"<wps:txbx>{inner}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>"
        f"{inner}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


_CHART = XL_CHART_TYPE.COLUMN_CLUSTERED


def _sales() -> CategoryChartData:
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, 2))
    return data


def add_chart(slide: Any) -> None:
    """Add a chart with the sales of two quarters to *slide*."""
    slide.shapes.add_chart(_CHART, 0, 0, 3 * _INCH, 3 * _INCH, _sales())


def chart_xml() -> str:
    """Return the part of an Open XML file with a chart of the sales of two quarters."""
    return str(ChartXmlWriter(_CHART, _sales()).xml)


def add_word_chart(paragraph: Any) -> None:
    """Add a chart with the sales of two quarters to a paragraph of Word."""
    name = PackURI("/word/charts/chart1.xml")
    kind = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
    document = paragraph.part
    part = Part(name, kind, chart_xml().encode(), document.package)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart"
    chart = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    paragraph._p.append(
        word_xml(
            f"<w:r {nsdecls('w', 'wp', 'a', 'r')}><w:drawing><wp:inline><a:graphic>"
            f'<a:graphicData uri="{chart}"><c:chart xmlns:c="{chart}" '
            f'r:id="{document.relate_to(part, kind)}"/></a:graphicData></a:graphic></wp:inline>'
            "</w:drawing></w:r>"
        )
    )


def add_slide_table(slide: Any, rows: int, columns: int) -> Any:
    """Add a table to *slide*, with the place of each cell as its text."""
    table = slide.shapes.add_table(rows, columns, 0, 0, 3 * _INCH, _INCH).table
    for row in range(rows):
        for column in range(columns):
            table.cell(row, column).text = f"{row}{column}"
    return table
