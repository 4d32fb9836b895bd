"""Reads OpenDocument texts and presentations, and finds the merged cells of spreadsheets."""
