"""Encrypted files: whichever cipher, whichever password, right, wrong and missing."""

from __future__ import annotations

import pytest
from support import pdf_samples
from support.pdf_harness import PdfBench, pages_of

from secretary_common.errors import ErrorCode, PermanentError

REQUIRED, WRONG = ErrorCode.PDF_PASSWORD_REQUIRED, ErrorCode.PDF_WRONG_PASSWORD


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize("password", ["benutzer", "owner"])
async def test_either_password_opens_the_document(
    bench: PdfBench, cipher: str, password: str
) -> None:
    locked = pdf_samples.encrypted_pdf("benutzer", cipher=cipher)
    [page] = pages_of(await bench.read(locked, password=password))
    assert page["text"] == "Vertraulich"


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize(
    ("given", "code"), [({}, REQUIRED), ({"password": "falsch"}, WRONG), ({"password": ""}, WRONG)]
)
async def test_no_other_does_and_the_error_says_which_it_was(
    bench: PdfBench, cipher: str, given: dict[str, str], code: ErrorCode
) -> None:
    locked = pdf_samples.encrypted_pdf("benutzer", cipher=cipher)
    with pytest.raises(PermanentError) as caught:
        await bench.read(locked, **given)
    assert caught.value.code == code
    assert "falsch" not in caught.value.message


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize("given", [{}, {"password": "any"}, {"password": "owner"}])
async def test_a_document_that_only_restricts_its_owner_opens_for_all(
    bench: PdfBench, cipher: str, given: dict[str, str]
) -> None:
    [page] = pages_of(await bench.read(pdf_samples.encrypted_pdf("", cipher=cipher), **given))
    assert page["text"] == "Vertraulich"


async def test_a_password_for_a_document_without_one_does_no_harm(bench: PdfBench) -> None:
    [page] = pages_of(await bench.read(pdf_samples.text_pdf(["offen"]), password="x"))
    assert page["text"] == "offen"


async def test_a_password_that_is_no_ascii_opens_what_it_closed(bench: PdfBench) -> None:
    locked = pdf_samples.encrypted_pdf("Schlüssel €")
    [page] = pages_of(await bench.read(locked, password="Schlüssel €"))
    assert page["text"] == "Vertraulich"


@pytest.mark.parametrize("method", ["native", "ocr", "combined"])
async def test_every_batch_of_pages_has_the_password(bench: PdfBench, method: str) -> None:
    locked = pdf_samples.encrypted_pdf("geheim")
    done = await bench.read(locked, password="geheim", extraction_method=method, language=["deu"])
    assert "Vertraulich" in pages_of(done)[0]["text"]
