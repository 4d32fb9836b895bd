"""Reads Word documents (docx): styles, numbered lists, tables, notes, headers, pictures."""
