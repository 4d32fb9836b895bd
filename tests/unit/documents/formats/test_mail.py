import base64
from email.message import EmailMessage

import pytest
from support.file_reader import code_of, read_file
from support.office_samples import png

HEADS = {"From": "Ada <ada@a.example>", "To": "bob@b.example", "Subject": "Hello"}
WRITTEN = "# Hello\n\nFrom: Ada \\<ada@a.example>\n\nTo: bob@b.example"


def mail(text: str = "text", html: str = "", **heads: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {**HEADS, **heads}.items():
        message[name] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def raw(body: bytes, heads: bytes = b"") -> bytes:
    return b"From: Ada <ada@a.example>\nTo: bob@b.example\nSubject: Hello\n" + heads + b"\n" + body


def old_encoding() -> bytes:
    return raw("Stra\xdfe".encode("latin-1"), b"Content-Type: text/plain; charset=latin-1\n")


def with_notice() -> bytes:
    """Return a mail with forms of one text, to which a list has added a notice in HTML."""
    kind = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
    forms = mail("plain", "<p>The text</p>")
    for name in HEADS:
        del forms[name]
    first = b"--b\nContent-Type: text/plain\n\nThe greeting\n--b\n" + forms.as_bytes()
    return raw(first + b"\n--b\nContent-Type: text/html\n\n<p>The notice</p>\n--b--\n", kind)


SHAPES = {
    "plain text": (mail("one\n\ntwo\nlines").as_bytes(), f"{WRITTEN}\n\none\n\ntwo lines"),
    "HTML": (mail("plain", "<h2>Plan</h2><ol><li>a").as_bytes(), f"{WRITTEN}\n\n## Plan\n\n1. a"),
    "texts one after the other": (
        with_notice(),
        f"{WRITTEN}\n\nThe greeting\n\nThe text\n\nThe notice",
    ),
    "parts without a boundary": (
        raw(b"text", b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n"),
        f"{WRITTEN}\n\ntext",
    ),
    "another encoding": (old_encoding(), f"{WRITTEN}\n\nStraße"),
    "an unknown encoding": (
        raw("Gr\xfc\xdfe".encode("latin-1"), b"Content-Type: text/plain; charset=unknown-9\n"),
        f"{WRITTEN}\n\nGrüße",
    ),
    "no encoding": (raw("Grüße".encode()), f"{WRITTEN}\n\nGrüße"),
    "Windows' signs in Latin-1": (
        raw("5 €".encode("cp1252"), b"Content-Type: text/plain; charset=iso-8859-1\n"),
        f"{WRITTEN}\n\n5 €",
    ),
    "an encoding of mails alone": (
        raw(b"Gr+APwA3w-e", b"Content-Type: text/plain; charset=utf-7\n"),
        f"{WRITTEN}\n\nGrüße",
    ),
    "right to left": (mail("שלום עולם").as_bytes(), f"{WRITTEN}\n\nשלום עולם"),
    "a mailbox": (b"From ada Mon Jan 1\n" + mail("text").as_bytes(), f"{WRITTEN}\n\ntext"),
    "empty": (raw(b""), WRITTEN),
    "bad headers": (raw(b"text", b"Date: \xff\xfe\nMIME-Version: x\n"), None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_mails_become_markdown(shape: str) -> None:
    content, expected = SHAPES[shape]
    found = read_file(content)
    assert found.format == "eml"
    assert found.title == "Hello"
    assert expected is None or found.markdown == expected


def with_html(html: str) -> bytes:
    return mail("plain", html).as_bytes()


NESTED = "<table><tr><td>x<td><table><tr><td>1<td>2<tr><td>3<td>4</table></table>"
HTML = {
    "a table in a table": (with_html(NESTED), "x\n\n| 1 | 2 |\n| --- | --- |\n| 3 | 4 |"),
    "right to left": (with_html("<p dir=rtl>שלום"), "שלום"),
    "a picture that is not fetched": (with_html("<img src=https://a.example/x.png alt=y>"), "y"),
    "nothing but a script": (with_html("<script>x</script>"), "plain"),
}


@pytest.mark.parametrize("shape", HTML)
def test_the_html_of_a_mail_becomes_markdown(shape: str) -> None:
    content, expected = HTML[shape]
    assert read_file(content).markdown == f"{WRITTEN}\n\n{expected}"


def secure(kind: str, body: bytes) -> bytes:
    return raw(body, b"MIME-Version: 1.0\nContent-Type: %s\n" % kind.encode())


CMS = bytes.fromhex("3080 06092a864886f70d0107")
"""The start of a mail in CMS, without the number of its kind."""
ENCRYPTED = {
    "S/MIME": secure(
        "application/pkcs7-mime; smime-type=enveloped-data",
        b"\n" + base64.encodebytes(CMS + b"\3" + bytes(99)),
    ).replace(b"Type:", b"Transfer-Encoding: base64\nContent-Type:"),
    "PGP": secure("multipart/encrypted; boundary=b", b"--b\n\nVersion: 1\n--b--\n"),
}


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_an_encrypted_mail_is_refused(kind: str) -> None:
    assert code_of(ENCRYPTED[kind]) == "DOCUMENT_ENCRYPTED"


def test_a_signed_mail_is_read() -> None:
    kind = 'multipart/signed; boundary=b; protocol="application/pkcs7-signature"'
    body = b"--b\nContent-Type: text/plain\n\ntext\n--b\nContent-Type: "
    body += b"application/pkcs7-signature; name=smime.p7s\n\nx\n--b--\n"
    found = read_file(secure(kind, body))
    assert (found.markdown, list(found.members)) == (f"{WRITTEN}\n\ntext", ["smime.p7s"])


def test_a_mail_with_too_much_text_is_refused() -> None:
    assert code_of(raw(b"word " * 1_000_000)) == "DOCUMENT_TOO_LARGE"


def test_a_mail_with_too_many_parts_is_refused_and_not_cut() -> None:
    part = b"--b\nContent-Type: text/plain\n\nx\n"
    kind = "multipart/mixed; boundary=b"
    assert code_of(secure(kind, part * 2001)) == "DOCUMENT_TOO_LARGE"


def test_attachments_are_files_inside_the_mail() -> None:
    message = mail("text")
    message.add_attachment(png(), maintype="image", subtype="png", filename="a/b.png")
    message.add_attachment("x,y", filename="data.csv")
    inner = mail("inner", Subject="Inner")
    message.add_attachment(inner)
    members = read_file(message.as_bytes()).members
    assert list(members) == ["a_b.png", "data.csv", "attachment_3.eml"]
    assert members["a_b.png"] == png()
    assert b"Inner" in members["attachment_3.eml"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_that_stand_in_a_header_as_bytes_are_read(encoding: str) -> None:
    content = "From: Zoë <zoe@a.example>\nSubject: Grüße aus\n Köln\n\ntext".encode(encoding)
    found = read_file(content)
    assert (found.title, found.author) == ("Grüße aus Köln", "Zoë <zoe@a.example>")


def test_the_further_mails_of_a_mailbox_are_files_inside_it() -> None:
    second = raw(b"I am\n\nFrom here on a reader.\n", b"Date: Mon, 1 Jan 2024 10:00:00 +0000\n")
    content = b"\n\nFrom bob Mon Jan 1\n".join(
        (b"From ada Mon Jan 1\n" + raw(b"one"), second, second)
    )
    found = read_file(content)
    assert found.markdown == f"{WRITTEN}\n\none"
    assert found.members == {"mail_2.eml": second, "mail_3.eml": second}


def test_a_report_of_a_delivery_has_all_its_recipients() -> None:
    report = b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@c\nStatus: 5.1.1\n"
    content = secure(
        "multipart/report; boundary=b",
        b"--b\nContent-Type: message/delivery-status\n\n" + report + b"--b--\n",
    )
    assert read_file(content).members == {"attachment_1.eml": report + b"\n"}


def test_a_cut_mail_gives_the_text_before_the_cut() -> None:
    message = mail("text that goes on")
    message.add_attachment(png(), maintype="image", subtype="png", filename="b.png")
    found = read_file(message.as_bytes()[:-200])
    assert "text that goes on" in found.markdown


def test_parts_nested_deeply_are_read() -> None:
    content = b""
    for depth in range(300):
        kind = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
        content = kind + (content or b"\ntext\n") + b"\n--b%d--\n" % depth
    assert read_file(raw(b"", b"MIME-Version: 1.0\n" + content.partition(b"\n\n")[0])).title
