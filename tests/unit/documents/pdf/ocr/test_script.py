"""The script of a page: what convinces, and which languages are written in it."""

from __future__ import annotations

import pytest

from secretary_documents.pdf.ocr.script import ScriptGuess, foreign_script, languages_of

LATIN = ["eng", "deu"]


@pytest.mark.parametrize(
    ("script", "confidence", "sure_share"),
    [("Han", 0.16, 0.0), ("Korean", 0.9, 0.0), ("Cyrillic", 8.8, 0.07), ("Greek", 8.1, 0.15)],
)
def test_a_script_of_no_language_is_foreign(
    script: str, confidence: float, sure_share: float
) -> None:
    found = foreign_script(ScriptGuess(script, confidence), LATIN, sure_share)
    assert found == ("CJK" if script in ("Han", "Korean") else script)


@pytest.mark.parametrize(
    ("script", "confidence", "sure_share"),
    [
        ("Latin", 0.1, 0.0),
        ("Fraktur", 9.0, 0.0),
        ("Cyrillic", 0.5, 0.39),  # a receipt on thermal paper
        ("Arabic", 3.3, 0.05),  # a receipt of a dot-matrix printer
        ("Han", 0.2, 0.1),
        ("Runic", 50.0, 0.0),
    ],
)
def test_a_bad_scan_of_latin_letters_is_not_foreign(
    script: str, confidence: float, sure_share: float
) -> None:
    assert foreign_script(ScriptGuess(script, confidence), LATIN, sure_share) is None


@pytest.mark.parametrize("languages", [["chi_sim"], ["jpn", "eng"], ["eng", "xyz"]])
def test_the_script_of_a_named_or_unknown_language_is_not_foreign(languages: list[str]) -> None:
    assert foreign_script(ScriptGuess("Han", 0.5), languages, 0.0) is None


def test_the_commonest_languages_of_a_script_are_named() -> None:
    assert languages_of("CJK") == ("chi_sim", "jpn", "kor")
    assert languages_of("Cyrillic") == ("rus", "ukr", "bel")
