"""The scripts of languages, and which OCR engine reads which script. No I/O.

The names of scripts are those of Tesseract's model ``osd``. That model often takes Chinese,
Japanese and Korean for each other, so they are one script here: CJK.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LATIN, CJK = "Latin", "CJK"
RAPIDOCR_SCRIPTS = frozenset({LATIN, CJK})
"""The scripts that the models of RapidOCR read; of CJK Chinese and Japanese."""

_LANGUAGES = {
    "Arabic": ("ara", "fas", "kur_ara", "pus", "snd", "uig", "urd"),
    "Armenian": ("hye",),
    "Bengali": ("asm", "ben"),
    CJK: (
        *("chi_sim", "jpn", "kor", "chi_tra"),
        *("chi_sim_vert", "chi_tra_vert", "jpn_vert", "kor_vert"),
    ),
    "Cyrillic": (
        *("rus", "ukr", "bel", "bul", "kaz", "kir", "mkd", "mon", "srp", "tat", "tgk", "uzb_cyrl"),
    ),
    "Devanagari": ("hin", "mar", "nep", "san"),
    "Ethiopic": ("amh", "tir"),
    "Georgian": ("kat", "kat_old"),
    "Greek": ("ell", "grc"),
    "Gujarati": ("guj",),
    "Gurmukhi": ("pan",),
    "Hebrew": ("heb", "yid"),
    "Kannada": ("kan",),
    "Khmer": ("khm",),
    "Lao": ("lao",),
    LATIN: (
        *("eng", "deu", "fra", "spa", "ita", "por", "nld", "dan", "swe", "nor", "fin", "pol"),
        *("ces", "slk", "slv", "hrv", "hun", "ron", "tur", "lat", "cat", "est", "lav", "lit"),
    ),
    "Malayalam": ("mal",),
    "Myanmar": ("mya",),
    "Sinhala": ("sin",),
    "Tamil": ("tam",),
    "Telugu": ("tel",),
    "Thai": ("tha",),
    "Tibetan": ("bod", "dzo"),
}
_SCRIPTS = {language: script for script, names in _LANGUAGES.items() for language in names}
_SAME = {
    "Fraktur": LATIN,
    **dict.fromkeys(("Han", "Hangul", "Hiragana", "Japanese", "Katakana", "Korean"), CJK),
}
# The model of another script reads some letters as words of which it is sure: of ten texts in nine
# scripts read as Latin letters, at most 15 %, and none of CJK. On bad scans of Latin letters it is
# sure of more, or the confidence in the script is low.
_SURE_SHARE, _SURE_SHARE_CJK = 0.2, 0.03
_LEAST_CONFIDENCE = 5.0


@dataclass(frozen=True, slots=True)
class ScriptGuess:
    """The script of a page, as the model ``osd`` sees it."""

    script: str
    confidence: float
    """On the scale of the model, from 0."""


def foreign_script(guess: ScriptGuess, languages: Iterable[str], sure_share: float) -> str | None:
    """Return the script of a page if none of *languages* is written in it.

    Args:
        guess: the guess of the model.
        languages: the languages with which the page was read. If the script of one of them is not
            known here, the result is None.
        sure_share: the share of the letters in words of which the OCR engine is sure.
    """
    script = _SAME.get(guess.script, guess.script)
    if script not in _LANGUAGES or not _is_convincing(script, guess.confidence, sure_share):
        return None
    known = [_SCRIPTS.get(language) for language in languages]
    return None if None in known or script in known else script


def _is_convincing(script: str, confidence: float, sure_share: float) -> bool:
    if script == CJK:
        return sure_share < _SURE_SHARE_CJK
    return confidence >= _LEAST_CONFIDENCE and sure_share < _SURE_SHARE


def languages_of(script: str) -> tuple[str, ...]:
    """Return Tesseract's names of the most common languages that are written in *script*."""
    return _LANGUAGES.get(script, ())[:3]
