"""JSON Schema: keywords and formats that the schema library lacks, and quick tests of values.

Modules here know schemas and values, and no jobs. ``jobs/parameters.py`` turns their verdicts into
refusals.
"""
