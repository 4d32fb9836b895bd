"""Measures the structure of PDFs against documents whose Markdown or tables people have written.

``measures`` compares Markdown with Markdown, ``cells`` compares tables with tables, ``engines``
makes the Markdown, and ``run`` prints the figures. Nothing here is a part of the service.
"""
