"""The limits of a child's output."""

import json

import pytest

from secretary_common.settings.documents import PdfSection
from secretary_documents.handlers.pdf.extractor import answer_limits_for


@pytest.mark.parametrize(("text_mb", "file_mb"), [(64, 200), (1, 1), (500, 10), (10, 2000)])
def test_a_child_may_send_all_text_that_a_document_may_have(text_mb: float, file_mb: int) -> None:
    bounds = answer_limits_for(PdfSection(max_text_mb=text_mb), file_mb * 2**20)
    page = json.dumps({"text": "\n" * 2**10}).encode()  # the most that JSON adds to plain text
    share = len(page) / 2**10
    assert bounds.line_bytes >= text_mb * 2**20 * (share - 0.1)
    assert bounds.output_bytes >= bounds.line_bytes
    copy = 2 * file_mb * 2**20  # in base64
    assert bounds.output_bytes >= copy * 4 / 3
