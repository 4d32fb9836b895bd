"""Puts the characters of lines that run from the right to the left into the order of reading.

``order`` decides from the text alone. ``lines`` applies it to the lines of a page as MuPDF gives
them. Ligatures and vertical letters belong in ``layout/script``.
"""
