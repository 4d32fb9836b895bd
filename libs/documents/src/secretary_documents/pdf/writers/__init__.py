"""Writes the blocks of a page: as Markdown, text, HTML or JSON. No I/O and no PDF library."""
