"""The names of languages for OCR: clients send BCP 47 tags, or the names of some OCR engine."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z]{3}(_[A-Za-z0-9]+)*")
# ISO 639-1 codes with the names of Tesseract's models.
_NAMES = {
    "af": "afr", "ar": "ara", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "bs": "bos",
    "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "de": "deu", "el": "ell", "en": "eng",
    "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fr": "fra",
    "ga": "gle", "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun",
    "hy": "hye", "id": "ind", "is": "isl", "it": "ita", "ja": "jpn", "ka": "kat", "kk": "kaz",
    "km": "khm", "kn": "kan", "ko": "kor", "la": "lat", "lo": "lao", "lt": "lit", "lv": "lav",
    "mk": "mkd", "ml": "mal", "mn": "mon", "mr": "mar", "ms": "msa", "mt": "mlt", "my": "mya",
    "nb": "nor", "ne": "nep", "nl": "nld", "no": "nor", "pa": "pan", "pl": "pol", "pt": "por",
    "ro": "ron", "ru": "rus", "si": "sin", "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp",
    "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur",
    "uk": "ukr", "ur": "urd", "uz": "uzb", "vi": "vie",
}  # fmt: skip
_CHINESE = {"hant": "chi_tra", "tw": "chi_tra", "hk": "chi_tra", "tra": "chi_tra"}
_OTHER_NAMES = {"ger": "deu", "fre": "fra", "dut": "nld", "cze": "ces", "gre": "ell", "rum": "ron"}


def tesseract_name(language: str) -> str | None:
    """Return Tesseract's name of *language*, such as ``deu`` for ``de-DE``; None if unknown.

    Names of three letters are returned as they are, because a worker knows which it has.
    """
    first, *more = language.strip().lower().replace("_", "-").split("-")
    if first in ("zh", "ch", "chi"):
        return next((_CHINESE[part] for part in more if part in _CHINESE), "chi_sim")
    if known := _NAMES.get(first) or _OTHER_NAMES.get(first):
        return known
    return language.strip() if _NAME.fullmatch(language.strip()) else None
