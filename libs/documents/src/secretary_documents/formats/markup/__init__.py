"""Reads text formats: HTML, books (EPUB), Markdown, rich text, tables as CSV and plain text."""
