"""Reads PDFs page by page: native text, OCR, Markdown, page images, subsets.

MuPDF and Tesseract read untrusted bytes, so they run only in child processes of the sandbox:
``child``, ``mupdf``, ``markdown``, ``table``, ``ocr``. The worker's side asks these children:
``sandboxed_document``, ``local_reader``. ``page`` has the protocols that both sides and the
providers share. Only this package imports PyMuPDF. It does not know jobs, parameters, results or
the cache: those belong to ``handlers.pdf``. Readers that ask a provider belong to ``providers``.
"""
