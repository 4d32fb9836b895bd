"""Text boxes on the sheets of Excel workbooks."""

import io
import zipfile
from typing import Any

from openpyxl.drawing.image import Image
from support.file_reader import read_file
from support.office_samples import png, with_member, workbook

NAMES = (
    'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def text_box(*paragraphs: str) -> str:
    texts = "".join(f"<a:p><a:r><a:t>{one}</a:t></a:r></a:p>" for one in paragraphs)
    return f"<xdr:sp><xdr:txBody>{texts}</xdr:txBody></xdr:sp>"


def test_text_boxes_of_a_sheet_follow_its_table_once_each() -> None:
    def fill(book: Any) -> None:
        book.active.append(["a"])
        book.active.add_image(Image(io.BytesIO(png())))

    content = workbook(fill)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        drawing = archive.read("xl/drawings/drawing1.xml").decode()
    start, end, _ = drawing.rpartition("</")
    newer = (
        f"<mc:AlternateContent {NAMES}><mc:Choice Requires='a14'>{text_box('three')}</mc:Choice>"
        f"<mc:Fallback>{text_box('three')}</mc:Fallback></mc:AlternateContent>"
    )
    anchor = f"<xdr:twoCellAnchor {NAMES}>{text_box('one', 'two')}</xdr:twoCellAnchor>{newer}"
    content = with_member(content, "xl/drawings/drawing1.xml", f"{start}{anchor}{end}wsDr>")
    assert read_file(content).markdown == "## Sheet\n\n| a |\n| --- |\n\none\n\ntwo\n\nthree"
