"""Reads formats that are ZIP files with XML in them, and ZIP archives; also spreadsheets.

The XML is read with the standard library: declarations, which entity bombs need, are refused, and
nothing outside of the file is ever opened.
"""
