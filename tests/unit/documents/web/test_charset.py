import pytest

from secretary_documents.web.charset import decode

# Texts that need the larger encoding that programs mean by a label.
MEANT = {
    "gb2312": ("朱镕基", "gbk"),
    "x-gbk": ("朱镕基 €", "gb18030"),
    "shift_jis": ("① 株式会社 髙", "cp932"),
    "x-sjis": ("日本", "cp932"),
    "euc-kr": ("똠방각하", "cp949"),
    "big5": ("着", "big5hkscs"),
    "iso-8859-1": ("5 €", "cp1252"),
    "iso-8859-9": ("5 € ğ", "cp1254"),
    "windows-874": ("ไทย", "cp874"),
    "windows-949": ("한국", "cp949"),
    "iso-8859-8-i": ("שלום", "iso8859-8"),
    "iso-2022-jp": ("日本語", "iso2022_jp"),
}


@pytest.mark.parametrize("label", MEANT)
def test_a_label_means_the_larger_encoding_that_programs_use_for_it(label: str) -> None:
    text, encoding = MEANT[label]
    assert decode(text.encode(encoding), f"text/plain; charset={label}") == text


def test_a_page_in_xml_has_the_encoding_of_its_declaration() -> None:
    page = '<?xml version="1.0" encoding="windows-1251"?>\n<html><p>Привет</p></html>'
    assert decode(page.encode("cp1251"), "") == page


def test_one_damaged_byte_does_not_turn_a_text_in_utf_8_into_another_encoding() -> None:
    text = "Grüße, schöne Grüße"
    assert decode(text.encode() + b"\xff", "") == f"{text}\ufffd"
    assert decode(text.encode()[:-2], "") == f"{text[:-2]}\ufffd"


@pytest.mark.parametrize("text", ["Grüße", "déjà vu à Noël", "Ä", "Ã¼ber"])
def test_a_text_that_is_no_utf_8_is_in_the_encoding_of_windows(text: str) -> None:
    assert decode(f"{text} é".encode("cp1252"), "") == f"{text} é"


def test_an_unknown_label_counts_as_none() -> None:
    assert decode("Grüße".encode(), "text/plain; charset=unknown-9") == "Grüße"
