"""A file is checked for the mark of a PDF before a child opens it."""

from pathlib import Path

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.pdf.sandboxed_document import check_pdf_mark
from secretary_worker import OpenFile


@pytest.mark.parametrize(
    ("content", "is_pdf"),
    [
        (b"%PDF-1.7", True),
        (b"\n" * 1020 + b"%PDF", True),
        (b"\n" * 1021 + b"%PDF", False),
        (b"PK\x03\x04", False),
        (b"", False),
    ],
)
def test_a_pdf_has_its_mark_within_the_first_1024_bytes(
    tmp_path: Path, content: bytes, *, is_pdf: bool
) -> None:
    (tmp_path / "x").write_bytes(content)
    with (tmp_path / "x").open("rb") as opened:
        file = OpenFile(opened.fileno(), "x", len(content))
        if is_pdf:
            check_pdf_mark(file)
        else:
            with pytest.raises(PermanentError) as caught:
                check_pdf_mark(file)
            assert caught.value.code == ErrorCode.PDF_INVALID
