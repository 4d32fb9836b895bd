"""Encrypted files with every cipher, and with right, wrong and missing passwords."""

from __future__ import annotations

import pytest
from support import pdf_samples
from support.pdf_harness import PdfHarness, pages_of

from secretary_common.errors import ErrorCode, PermanentError

REQUIRED, WRONG = ErrorCode.PDF_PASSWORD_REQUIRED, ErrorCode.PDF_WRONG_PASSWORD


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize("password", ["benutzer", "owner"])
async def test_the_users_and_the_owners_password_open_the_document(
    harness: PdfHarness, cipher: str, password: str
) -> None:
    locked = pdf_samples.encrypted_pdf("benutzer", cipher=cipher)
    [page] = pages_of(await harness.read(locked, password=password))
    assert page["text"] == "Vertraulich"


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize(
    ("given", "code"), [({}, REQUIRED), ({"password": "falsch"}, WRONG), ({"password": ""}, WRONG)]
)
async def test_a_missing_and_a_wrong_password_have_their_own_codes(
    harness: PdfHarness, cipher: str, given: dict[str, str], code: ErrorCode
) -> None:
    locked = pdf_samples.encrypted_pdf("benutzer", cipher=cipher)
    with pytest.raises(PermanentError) as caught:
        await harness.read(locked, **given)
    assert caught.value.code == code
    assert "falsch" not in caught.value.message


@pytest.mark.parametrize("cipher", pdf_samples.CIPHERS)
@pytest.mark.parametrize("given", [{}, {"password": "any"}, {"password": "owner"}])
async def test_a_document_with_only_an_owners_password_opens_without_one(
    harness: PdfHarness, cipher: str, given: dict[str, str]
) -> None:
    [page] = pages_of(await harness.read(pdf_samples.encrypted_pdf("", cipher=cipher), **given))
    assert page["text"] == "Vertraulich"


async def test_a_password_for_a_document_without_one_does_no_harm(harness: PdfHarness) -> None:
    [page] = pages_of(await harness.read(pdf_samples.text_pdf(["offen"]), password="x"))
    assert page["text"] == "offen"


async def test_a_password_that_is_not_ascii_opens_its_document(harness: PdfHarness) -> None:
    locked = pdf_samples.encrypted_pdf("Schlüssel €")
    [page] = pages_of(await harness.read(locked, password="Schlüssel €"))
    assert page["text"] == "Vertraulich"


@pytest.mark.parametrize("method", ["native", "ocr", "combined"])
async def test_every_method_has_the_password(harness: PdfHarness, method: str) -> None:
    locked = pdf_samples.encrypted_pdf("geheim")
    done = await harness.read(locked, password="geheim", extraction_method=method, language=["deu"])
    assert "Vertraulich" in pages_of(done)[0]["text"]
