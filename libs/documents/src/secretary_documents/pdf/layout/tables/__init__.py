"""Finds the tables of a page and their cells, from its rules and its words. Pure.

``ruled`` and ``grid`` find tables with rules on all sides of the cells, ``open`` those without
vertical rules, and ``aligned`` those without any rules. ``columns`` and ``text`` put words into
columns, rows and cells. ``overflow`` divides words that run into the next cell.
"""
