"""What ``secretary-doctor`` checks where this package is installed: language data and programs."""

from __future__ import annotations

import shutil
from pathlib import Path

from secretary_common.doctor.finding import Finding, fault, hint, ok
from secretary_common.settings.settings import Settings
from secretary_documents.formats.format import missing_formats
from secretary_documents.office.libre_office import INSTALL, is_installed
from secretary_documents.pdf.ocr_models import ORIENTATION, available_models, model_folders

BUILT_IN = frozenset({"eng", "deu"})
"""The languages of a job that names none."""


def findings(settings: Settings) -> list[Finding]:
    """Return what this machine lacks to read documents."""
    return [*_languages(settings), *_formats(settings), *_programs(settings)]


def _languages(settings: Settings) -> list[Finding]:
    folders = model_folders(settings.pdf.tessdata)
    known = {name for folder in folders for name in available_models(folder)} - {ORIENTATION}
    where = ", ".join(map(str, folders))
    if missing := sorted(BUILT_IN - known):
        message = f"no OCR models for {', '.join(missing)} in {where}"
        remedy = "install secretary-documents again, or correct pdf.tessdata"
        return [fault("documents.no_language_data", message, remedy)]
    extra = settings.pdf.tessdata
    if extra is not None and not available_models(extra):
        remedy = "install tesseract-ocr-… packages, or correct pdf.tessdata"
        return [fault("documents.no_language_data", f"pdf.tessdata has no models: {extra}", remedy)]
    return [ok("documents", f"OCR languages: {', '.join(sorted(known))}")]


def _formats(settings: Settings) -> list[Finding]:
    by_package: dict[str, list[str]] = {}
    for one in missing_formats():
        by_package.setdefault(one.needs.install if one.needs else "", []).append(one.name)
    found = [
        hint(
            "documents.formats_missing",
            f"files of {', '.join(names)} cannot be read",
            f'pip install "{package}"',
        )
        for package, names in sorted(by_package.items())
    ]
    office = Path(settings.documents.libre_office)
    if not is_installed(office):
        message = f"files of doc, ppt cannot be read: no LibreOffice in {office}"
        found.append(hint("documents.libre_office_missing", message, INSTALL))
    return found


def _programs(settings: Settings) -> list[Finding]:
    if shutil.which(settings.media.ffmpeg):
        return []
    message = f"media jobs fail: there is no {settings.media.ffmpeg}"
    return [hint("documents.ffmpeg_missing", message, "apt install ffmpeg")]
