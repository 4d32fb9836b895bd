"""The layout of a page: its blocks in reading order, made from MuPDF's lines, words and rules.

``model`` has the blocks. ``source``, ``drawing`` and ``plain_page`` read a page with MuPDF, so they
run in the child only. ``page_layout`` calls the other steps one after the other: ``tables``,
reading order (``order``), paragraphs and lists (``paragraph``), headings (``heading``), footnotes
(``footnote``), running heads and feet (``running_head``). ``style`` has the measures of the whole
document. Writers of the blocks belong in ``writers``.
"""
