"""Reads picture files with MuPDF: their size, as a PNG, and as the pages of a PDF."""
