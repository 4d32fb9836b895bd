"""Decides of which kind a block or a line is, from its text, its style and its place. Pure.

``running_head`` finds headers and footers among the lines, before there are blocks. The other
modules set the kind of blocks in place. How lines become blocks belongs in ``layout``.
"""
