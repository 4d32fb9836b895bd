"""The layout of a page: its blocks in reading order, made from MuPDF's lines, words and rules.

``model`` has the blocks. ``source``, ``drawing`` and ``plain_page`` read a page with MuPDF, so they
run in the child only. ``page_layout`` calls the other steps one after the other: drawings with
labels (``figure``), ``tables``, reading order (``order``), paragraphs and lists (``paragraph``),
and the kinds of blocks (``kinds``). ``style`` has the measures of the whole document. Writers of
the blocks belong in ``writers``.
"""
