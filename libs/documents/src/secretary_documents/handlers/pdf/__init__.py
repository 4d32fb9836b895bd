"""The ``pdf`` job: its parameters, steps, cache of pages and result.

It decides which pages to read, by which reader, and what the result says. How a page is read
belongs to ``pdf`` and ``providers``; templates belong to ``templates``. The slides of ``session``
jobs are read by the ``PdfExtractor`` of this package.
"""
