"""Calls MuPDF, in child processes only: documents, the text of pages, and drawn pages.

What the text and the drawings of a page mean belongs in ``layout``.
"""
