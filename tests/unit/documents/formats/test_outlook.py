import struct

import pytest
from support.file_reader import code_of, read_file
from support.outlook_samples import BODY, HTML, RTF, SENDER, SUBJECT, TO, outlook_mail

HEADS = {SUBJECT: "Hello", SENDER: "Ada", TO: "Bob"}
WRITTEN = "# Hello\n\nFrom: Ada\n\nTo: Bob\n\nDate: 2026-01-01T00:00:00+00:00"


def plain_rtf(text: str) -> bytes:
    """Return a rich text as Outlook keeps it, but not packed."""
    body = rf"{{\rtf1\ansi\pard {text}\par}}".encode()
    return struct.pack("<IIII", len(body) + 12, len(body), 0x414C454D, 0) + body


# An example of the specification (MS-OXRTFCP, 3.1.1).
PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d"
    "0a800fa0"
)

SHAPES = {
    "plain text": (outlook_mail({**HEADS, BODY: "one\r\n\r\ntwo"}), f"{WRITTEN}\n\none\n\ntwo"),
    "a code page": (
        outlook_mail({**HEADS, BODY: "Привет"}, code_page=1251),
        f"{WRITTEN}\n\nПривет",
    ),
    "a code page that Python does not know": (
        outlook_mail({**HEADS, BODY: "Привет"}, code_page=20866),
        f"{WRITTEN}\n\nПривет",
    ),
    "a code page of a standard": (
        outlook_mail({**HEADS, BODY: "Łódź"}, code_page=28592),
        f"{WRITTEN}\n\nŁódź",
    ),
    "HTML": (
        outlook_mail({**HEADS, BODY: "plain"}, binary={HTML: b"<ul><li>a<li>b</ul>"}),
        f"{WRITTEN}\n\n- a\n- b",
    ),
    "rich text": (outlook_mail(HEADS, binary={RTF: plain_rtf("rich")}), f"{WRITTEN}\n\nrich"),
    "packed rich text": (outlook_mail(HEADS, binary={RTF: PACKED}), f"{WRITTEN}\n\nhello world"),
    "a table": (
        outlook_mail(HEADS, binary={HTML: b"<table><tr><th>a<th>b<tr><td>1<td>2</table>"}),
        f"{WRITTEN}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
    ),
    "right to left": (outlook_mail({**HEADS, BODY: "שלום"}), f"{WRITTEN}\n\nשלום"),
    "a mail in the mail": (
        outlook_mail({**HEADS, BODY: "outer"}, inner={SUBJECT: "Inner", BODY: "inside"}),
        f"{WRITTEN}\n\nouter\n-----\n# Inner\n\nDate: 2026-01-01T00:00:00+00:00\n\ninside",
    ),
    "empty": (outlook_mail({}), "# (no subject)\n\nDate: 2026-01-01T00:00:00+00:00"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_outlook_mails_become_markdown(shape: str) -> None:
    content, expected = SHAPES[shape]
    found = read_file(content)
    assert (found.format, found.markdown) == ("msg", expected)


def test_attachments_of_an_outlook_mail_are_files_inside_it() -> None:
    content = outlook_mail(HEADS, attachments=[("../a.txt", b"text"), ("b.csv", b"x,y")])
    assert read_file(content).members == {".._a.txt": b"text", "b.csv": b"x,y"}


CLASS = "001A"
ENVELOPED = bytes.fromhex("3080 06092a864886f70d010703") + bytes(99)
SAMPLE = outlook_mail({**HEADS, BODY: "text"})
BROKEN = {
    "sectors of no size": (SAMPLE[:30] + bytes(2) + SAMPLE[32:], "DOCUMENT_INVALID"),
    "encrypted": (
        outlook_mail({CLASS: "IPM.Note.SMIME"}, attachments=[("smime.p7m", ENVELOPED)]),
        "DOCUMENT_ENCRYPTED",
    ),
    "bomb": (outlook_mail({**HEADS, BODY: "word " * 50_000}), "DOCUMENT_TOO_LARGE"),
    "cut off": (SAMPLE[:-1200], "DOCUMENT_INVALID"),
    "rich text cut off": (outlook_mail(HEADS, binary={RTF: b"abc"}), "DOCUMENT_INVALID"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_outlook_mails_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content, max_text_chars=100_000) == code
