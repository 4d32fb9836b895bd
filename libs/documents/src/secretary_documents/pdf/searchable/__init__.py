"""Adds a layer of invisible text to a PDF, so that its recognised words can be found and copied.

Runs in the child only, except ``layer_line``. What the pages show does not change: the layer
is a content stream after the page's own streams, with a font of empty glyphs. Recognising the words
belongs in ``ocr``.
"""
