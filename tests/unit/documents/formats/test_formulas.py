"""Formulas of Office files in one line."""

from typing import Any

import pytest
from docx.oxml import parse_xml as word_xml
from docx.oxml.ns import nsdecls
from pptx.oxml import parse_xml as slide_xml
from support.file_reader import read_file
from support.office_samples import slides, word
from support.office_shapes import BLANK, slide

NAMES = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def r(text: str) -> str:
    return f"<m:r><m:rPr/><m:t>{text}</m:t></m:r>"


def e(content: str) -> str:
    return f"<m:e>{content}</m:e>"


SQUARE = f"<m:sSup><m:sSupPr/>{e(r('x'))}<m:sup>{r('2')}</m:sup></m:sSup>"
SHAPES = {
    "1/2": f"<m:f><m:num>{r('1')}</m:num><m:den>{r('2')}</m:den></m:f>",
    "(a+1)/(b+c)": f"<m:f><m:num>{r('a+1')}</m:num><m:den>{r('b+c')}</m:den></m:f>",
    "x^2": SQUARE,
    "x_i^2": f"<m:sSubSup>{e(r('x'))}<m:sub>{r('i')}</m:sub><m:sup>{r('2')}</m:sup></m:sSubSup>",
    "√(b-1)": f"<m:rad><m:deg/>{e(r('b-1'))}</m:rad>",
    "f(x|y)": f"{r('f')}<m:d>{e(r('x'))}{e(r('y'))}</m:d>",
    "[x^2]": (
        "<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr>" + e(SQUARE) + "</m:d>"
    ),
    "∑_(i=1)^n i": (
        f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{r('i=1')}</m:sub>"
        f"<m:sup>{r('n')}</m:sup>{e(r('i'))}</m:nary>"
    ),
    "(1, 0; 0, 1)": (
        f"<m:d><m:e><m:m><m:mr>{e(r('1'))}{e(r('0'))}</m:mr><m:mr>{e(r('0'))}{e(r('1'))}</m:mr>"
        "</m:m></m:e></m:d>"
    ),
    "lim_0 x": (
        f"<m:func><m:fName><m:limLow>{e(r('lim'))}<m:lim>{r('0')}</m:lim></m:limLow></m:fName>"
        f"{e(r('x'))}</m:func>"
    ),
}


@pytest.mark.parametrize("expected", SHAPES)
def test_a_formula_of_word_is_written_in_one_line(expected: str) -> None:
    def fill(document: Any) -> None:
        formula = f"<m:oMath {nsdecls('w')} {NAMES}>{SHAPES[expected]}</m:oMath>"
        document.add_paragraph("so ")._p.append(word_xml(formula))

    assert read_file(word(fill), output="text").markdown == f"so {expected}"


def test_a_formula_on_a_slide_is_written_once() -> None:
    def fill(presentation: Any) -> None:
        frame = slide(presentation, BLANK).shapes.add_textbox(0, 0, 9, 9).text_frame
        alternatives = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        drawn = "http://schemas.openxmlformats.org/drawingml/2006/main"
        frame.paragraphs[0]._p.append(
            slide_xml(
                f"<mc:AlternateContent xmlns:mc='{alternatives}' xmlns:a='{drawn}' {NAMES}>"
                f"<mc:Choice Requires='a14'><m:oMathPara><m:oMath>{SQUARE}</m:oMath></m:oMathPara>"
                "</mc:Choice><mc:Fallback><a:r><a:t>x2</a:t></a:r></mc:Fallback>"
                "</mc:AlternateContent>"
            )
        )

    assert read_file(slides(fill), output="text").markdown == "x^2"
