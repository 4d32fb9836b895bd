"""The ``pdf`` job: its parameters, steps, cache of pages and result.

This package decides which pages to read and by which reader, and it builds the result. The readers
belong in ``pdf`` and ``providers``, templates in ``templates``. ``session`` jobs use the
``PdfExtractor`` of this package to read slides.
"""
