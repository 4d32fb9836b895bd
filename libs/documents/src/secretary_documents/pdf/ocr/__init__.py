"""Recognises the text in pictures of pages (OCR). Runs in the child process only.

``picture`` draws a page, ``tesseract`` reads the picture, ``recognition`` holds the words with
their places on the page, and ``recogniser`` is what the child uses. ``rules`` and ``scan_tables``
find the tables of a picture. ``text_order`` orders the words for the layer of a searchable PDF.
"""
