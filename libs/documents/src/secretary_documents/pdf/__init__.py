"""Reads PDFs page by page: native text, OCR, Markdown, page images, subsets.

MuPDF and Tesseract read untrusted bytes, so they run only in child processes of the sandbox, which
start with ``child``. The worker's side sends requests to these children: ``sandboxed_document``,
``local_reader``. ``page`` has the protocols of documents and readers. Only this package imports
PyMuPDF. Jobs, parameters, results and the cache belong in ``handlers.pdf``. Readers that call a
provider belong in ``providers``.
"""
