"""Joins paragraphs and tables that continue on the next page.

``continuation`` decides what continues, from the edges of pages. ``joined_pages`` moves the texts.
"""
