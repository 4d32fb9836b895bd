"""Finds the tables of a page and their cells, from its rules and its words. Pure.

``ruled`` and ``grid`` find tables with rules on all sides of the cells, ``striped`` adds the cells
of rows without a colour, and ``pieced`` finds tables whose rules are drawn in pieces.
``between_rules`` and ``aligned`` find tables without vertical rules and without any rules, with
``open``. ``columns`` and ``text`` put words into columns, rows and cells. ``overflow`` divides
words that run into the next cell, ``copies`` leaves out texts that are drawn twice, and
``leftover`` finds the words that no table has.
"""
